"""Webhooks that travel alone: ``solo_claim.lua`` and ``solo_settle.lua``."""

from tests.model.fate import decide, die, forget_parking, go_solo
from tests.model.places import partition_for, set_parked
from tests.model.state import (
    ALONE,
    HALTED,
    LEASED,
    LONG,
    NOTED,
    PARKED,
    READY,
    RUNNING,
    SHORT,
    SOLO,
    Draft,
    Worker,
    holds,
)
from tests.model.turn import gate_closed, new_owner


def claim(d: Draft, k: int) -> None:
    """Claim the webhook that this task names, or end."""
    worker = d.workers[k]
    w = worker.target
    if worker.owner and holds(d, worker):
        _run(d, k, worker.owner)
    elif _may_run(d, w):
        owner = new_owner(d)
        d.webhook(w, at=RUNNING, sets=(), owner=owner, expired=False, published=False)
        _run(d, k, owner)
    else:
        d.rest(k)


def settle(d: Draft, k: int, letter: str, *, park: bool, partitions: int = 0) -> None:
    """Settle what ran alone; ``partitions`` is this process's INBOX_PARTITIONS."""
    worker = d.workers[k]
    w, held = worker.target, holds(d, worker)
    d.rest(k)
    if not held:
        return
    d.webhook(w, owner=0, expired=False)
    if park:
        _put_back(d, w, partitions)
    else:
        forget_parking(d, w)
        decide(d, w, letter, 1)


def suspect_running(d: Draft) -> bool:
    return any(webhook.at == RUNNING and webhook.suspect for webhook in d.webhooks)


def _may_run(d: Draft, w: int) -> bool:
    webhook = d.webhooks[w]
    if webhook.at != SOLO or d.is_paused(w):
        return False
    if d.shops[d.plan.shop_of[w]].at == PARKED:
        return False
    if webhook.suspect and d.options.suspects == "one" and suspect_running(d):
        if d.options.busy_suspect == "is_done_with":
            d.webhook(w, sets=())
        return False
    return True


def _run(d: Draft, k: int, owner: int) -> None:
    """A suspect waits at its process's gate until the others are out."""
    w = d.workers[k].target
    outside = gate_closed(d, k)
    if d.options.gate == "after_claim" and d.webhooks[w].suspect:
        outside = outside or busy_mates(d, k)
    d.workers[k] = Worker(ALONE, w, owner, outside=outside)


def busy_mates(d: Draft, k: int) -> bool:
    """Does another worker of this process run a handler?"""
    mates = (d.workers[j] for j in d.plan.process_of[k] if j != k)
    return any(mate.batch or mate.does == ALONE for mate in mates if not mate.outside)


def _put_back(d: Draft, w: int, partitions: int) -> None:
    """Nothing spent: it waits with its shop; dead when it has waited for PARK_MAX_SECONDS."""
    d.webhook(w, parked=d.webhooks[w].parked or SHORT)
    if d.webhooks[w].parked == LONG:
        die(d, w, "unavailable")
        return
    go_solo(d, w)
    _park_shop(d, d.plan.shop_of[w], partitions)


def _park_shop(d: Draft, s: int, partitions: int) -> None:
    """At once when it is idle or ready; a drain that has it leased is left a note."""
    shop, reading = d.shops[s], d.options.solo_parks
    if reading == "itself":
        return
    if shop.at in (LEASED, NOTED) and reading != "place":
        d.shop(s, at=NOTED, since=shop.since or SHORT)
    elif shop.at != HALTED:
        if shop.at == READY and reading != "leaves_ready":
            ready = d.partitions[shop.partition].ready
            d.partition(shop.partition, ready=tuple(other for other in ready if other != s))
        if shop.at == "idle":
            d.shop(s, partition=partition_for(d, s, partitions))
        set_parked(d, s)
