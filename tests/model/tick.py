"""The parts of ``tick.lua``, each a step of its own: more orders than the script itself allows."""

from tests.model.fate import crash, die
from tests.model.places import push_wake, queue_length, set_ready, unpark
from tests.model.solo import suspect_running
from tests.model.state import (
    LONG,
    NOT,
    PARKED,
    PUBLISHED_FROM,
    RUNNING,
    SOLO,
    STOPPED,
    SUSPECTS,
    TASKED,
    Draft,
)
from tests.model.turn import clear_lease, recover


def renew_after_gap(d: Draft) -> None:
    """Nobody could renew a lease: whoever holds one gets a fresh term first."""
    d.world = d.world._replace(gap=False)
    for p, partition in enumerate(d.partitions):
        if partition.lease:
            d.lease(p, expired=False)
    for w, webhook in enumerate(d.webhooks):
        if webhook.at == RUNNING:
            d.webhook(w, expired=False)


def recover_partition(d: Draft, p: int) -> None:
    recover(d, p)
    if not d.partitions[p].ready:
        if d.options.recovery_clears:
            d.partition(p, mark=False)
    elif d.options.recovery_wakes:
        push_wake(d, p)


def recover_solo(d: Draft, w: int) -> None:
    crash(d, w, 1)


def clear_mark(d: Draft, p: int) -> None:
    d.partition(p, mark=False)


def replace_wakeup(d: Draft, p: int) -> None:
    d.partition(p, tries=d.partitions[p].tries + (d.options.replace == "counted"))
    push_wake(d, p)


def unpark_due(d: Draft, s: int) -> None:
    """Its time is over; parked for PARK_MAX_SECONDS, its line is dead first."""
    shop = d.shops[s]
    if shop.at != PARKED and d.options.unpark_looks:
        d.shop(s, timer=False)
        return
    if shop.since == LONG:
        d.shop(s, line=())
        for w in shop.line:
            die(d, w, "unavailable")
    unpark(d, s)


def may_be_published(d: Draft, w: int) -> bool:
    """Would the tick look at this webhook? Publishing is repeated only for a message that is lost.

    That takes the growing intervals to be longer than a message waits; one that waits longer is a
    doubled one.
    """
    webhook, options = d.webhooks[w], d.options
    if webhook.at != SOLO or not PUBLISHED_FROM & set(webhook.sets):
        return False
    if options.published == "noted" and webhook.published and _message_lives(d, w):
        return False
    if webhook.sets == (SUSPECTS,) and options.suspects == "one":
        return not suspect_running(d)
    return True


def _message_lives(d: Draft, w: int) -> bool:
    return d.webhooks[w].messages > 0 or any(
        worker.does == TASKED and worker.target == w and not worker.frozen for worker in d.workers
    )


def publish(d: Draft, w: int) -> None:
    """Publish its task; or set it aside while it is paused, or leave it while its shop waits."""
    webhook, s, options = d.webhooks[w], d.plan.shop_of[w], d.options
    if d.is_paused(w):
        if webhook.sets != (SUSPECTS,) or options.paused_suspects == "set_aside":
            d.webhook(w, sets=(STOPPED,), published=False)
    elif d.shops[s].at == PARKED:
        if d.shops[s].since == LONG:
            die(d, w, "unavailable")
    elif _room_for_solo(d) or options.published == "freely":
        sets = () if options.published == "taken_out" else webhook.sets
        d.webhook(w, sets=sets, published=True, messages=webhook.messages + 1)


def _room_for_solo(d: Draft) -> bool:
    """A second's worth of solo tasks may wait in a queue, beside one wake-up per partition."""
    marked = sum(partition.mark for partition in d.partitions)
    return queue_length(d) < marked + d.options.solo_room


def a_day_passes(d: Draft) -> None:
    """PARK_MAX_SECONDS, spent parked: whatever waits so has waited for long."""
    for s, shop in enumerate(d.shops):
        if shop.at == PARKED:
            d.shop(s, since=LONG)
    for w, webhook in enumerate(d.webhooks):
        if webhook.parked != NOT and webhook.at == SOLO:
            d.webhook(w, parked=LONG, outlasted=True)


def move_shop(d: Draft, s: int, p: int, to: int) -> None:
    """Reading: the tick moves a ready shop by its own INBOX_PARTITIONS."""
    ready = d.partitions[p].ready
    d.partition(p, ready=tuple(other for other in ready if other != s))
    set_ready(d, s, to)


def end_lease(d: Draft, p: int) -> None:
    """Its time is over. Reading: with it goes what it held."""
    if d.options.lease_has_ttl:
        clear_lease(d, p)
    else:
        d.lease(p, expired=True)


def outage(d: Draft) -> None:
    """Nobody renews, no tick runs, for longer than any lease."""
    for p, partition in enumerate(d.partitions):
        if partition.lease:
            d.lease(p, expired=True)
    for w, webhook in enumerate(d.webhooks):
        if webhook.at == RUNNING:
            d.webhook(w, expired=True)
    d.world = d.world._replace(gap=d.options.gap != "ignored")
