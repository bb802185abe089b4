"""A drain's turns: ``turn.lua`` and ``_lease.lua``, each function one script or a piece of one."""

from tests.model.fate import crash, decide
from tests.model.places import push_wake, return_shop, set_idle
from tests.model.state import (
    ASKING,
    CLEARING,
    DRAINING,
    HALTED,
    LEASED,
    LINE,
    READY,
    Draft,
    Lease,
    Violation,
    Worker,
    holds,
)

_FRESH_OWNER = 99  # unlike 0 and 1, which normal states use


def new_owner(d: Draft, p: int | None = None) -> int:
    """What names the holder of a lease from now on."""
    if not d.plan.numbered:
        return _FRESH_OWNER
    if d.options.fence == "counter":
        d.world = d.world._replace(token=d.world.token + 1)
        return d.world.token
    if d.options.fence == "reset" and p is not None:
        d.partition(p, token=d.partitions[p].token + 1)
        return d.partitions[p].token
    d.world = d.world._replace(owner=d.world.owner + 1)
    return d.world.owner


def begin(d: Draft, k: int) -> None:
    """Turn 1, with a wake-up in hand: claim the partition unless it is held."""
    worker, options = d.workers[k], d.options
    p, newest = worker.target, worker.newest
    lease = d.partitions[p].lease
    if options.older_number == "refused_at_start" and not newest:
        d.rest(k)
        return
    if lease:
        if worker.owner and holds(d, worker):
            _run(d, k, lease)
            return
        if not lease.expired or (d.world.gap and options.gap == "checked"):
            if newest and options.adoption:
                d.lease(p, newest=True)
            d.rest(k)
            return
        if options.expired == "stolen":
            clear_lease(d, p)
        else:
            recover(d, p)
        newest = newest or (options.recoverer_number == "inherited" and lease.newest)
    d.partition(p, mark=True)
    _take(d, k, new_owner(d, p), 1, newest=newest)


def finish(d: Draft, k: int, verdicts: str, *, park: bool, last: bool) -> None:
    """Settle the batch in hand; take the next one, or end the slice."""
    worker = d.workers[k]
    p = worker.target
    lease = d.partitions[p].lease
    if not _may_settle(d, worker, lease):
        d.rest(k)
        return
    shop = lease.shop if lease else d.plan.shop_of[worker.batch[0]]
    progressed = _settle_batch(d, worker.batch, verdicts)
    return_shop(d, shop, park=park, progressed=progressed)
    if not last:
        _take(d, k, worker.owner, worker.turn + 1, newest=bool(lease and lease.newest))
        return
    if _release(d, p) and lease and lease.newest:
        push_wake(d, p)
    d.rest(k)


def ask_again(d: Draft, k: int) -> None:
    """The same turn number once more: the same batch, or LOST."""
    worker = d.workers[k]
    lease = d.partitions[worker.target].lease
    if not lease or not holds(d, worker):
        d.rest(k)
    elif d.options.lost_reply == "sent_blindly":
        if lease.batch != worker.batch:
            raise Violation(f"{lease.batch} settled with the verdicts on {worker.batch}")
        finish(d, k, worker.verdicts, park=False, last=False)
    else:
        _run(d, k, lease)


def recover(d: Draft, p: int) -> None:
    """The holder died: its webhooks go solo, its shop goes back, the lease is free."""
    lease = d.partitions[p].lease
    assert lease
    alive = [w for w in lease.batch if crash(d, w, len(lease.batch))]
    clear_lease(d, p)
    if d.options.crashed_goes == "line":
        for w in alive:
            d.webhook(w, at=LINE, sets=())
        d.shop(lease.shop, line=(*alive, *d.shops[lease.shop].line))
    return_shop(d, lease.shop, park=False, progressed=False)


def clear_lease(d: Draft, p: int) -> None:
    d.partition(p, lease=None, token=0)


def _may_settle(d: Draft, worker: Worker, lease: Lease | None) -> bool:
    match d.options.fence:
        case "none":
            return True
        case "turn":
            return lease is not None and holds(d, worker)
        case _:
            return lease is not None and lease.owner == worker.owner


def _settle_batch(d: Draft, batch: tuple[int, ...], verdicts: str) -> bool:
    """Apply the verdicts. Returns whether anything was settled."""
    left = tuple(w for w, letter in zip(batch, verdicts, strict=True) if letter == "B")
    for w, letter in zip(batch, verdicts, strict=True):
        if letter != "B":
            decide(d, w, letter, len(batch))
    for w in left:
        if d.webhooks[w].at != LEASED:
            raise Violation(f"w{w} put back, but it is {d.webhooks[w].at}")
        d.webhook(w, at=LINE)
    if left:
        s = d.plan.shop_of[left[0]]
        line = d.shops[s].line
        d.shop(s, line=left + line if d.options.back == "front" else line + left)
    return len(left) < len(batch) or not batch


def _release(d: Draft, p: int) -> bool:
    """Free the partition: the mark stays while shops are ready. Returns whether some are."""
    clear_lease(d, p)
    if d.partitions[p].ready:
        return True
    if d.options.mark_cleared == "by_turn":
        d.partition(p, mark=False)
    return False


def _take(d: Draft, k: int, owner: int, turn: int, *, newest: bool) -> None:
    """The next ready shop's batch; or EMPTY, or PAUSED."""
    p = d.workers[k].target
    if d.world.area_paused:
        _release(d, p)
        if d.options.paused_turn == "clears_mark":
            d.partition(p, mark=False)
        d.rest(k)
        return
    while d.partitions[p].ready:
        s, *others = d.partitions[p].ready
        d.partition(p, ready=tuple(others))
        shop = d.shops[s]
        if shop.at != READY or shop.partition != p:
            continue
        if s in d.world.shops_paused:
            d.shop(s, at=HALTED)
        elif not shop.line:
            set_idle(d, s)
        else:
            _lease_to(d, k, Lease(owner, turn, s, (), newest))
            return
    _release(d, p)
    d.rest(k)
    if d.options.mark_cleared == "separately":
        d.worker(k, does=CLEARING, target=p)


def _lease_to(d: Draft, k: int, lease: Lease) -> None:
    p, line = d.workers[k].target, d.shops[lease.shop].line
    batch, rest = line[: d.options.batch], line[d.options.batch :]
    d.shop(lease.shop, at=LEASED, line=rest)
    for w in batch:
        d.webhook(w, at=LEASED)
    lease = lease._replace(batch=batch)
    d.partition(p, lease=lease, tries=0)
    _run(d, k, lease)


def _run(d: Draft, k: int, lease: Lease) -> None:
    p = d.workers[k].target
    outside = gate_closed(d, k)
    d.workers[k] = Worker(DRAINING, p, lease.owner, lease.turn, lease.batch, outside=outside)


def gate_closed(d: Draft, k: int) -> bool:
    """Is a suspect of this process running, or waiting for the others to leave?"""
    if d.options.gate == "none":
        return False
    mates = (d.workers[j] for j in d.plan.process_of[k] if j != k)
    return any(mate.does == "alone" and d.webhooks[mate.target].suspect for mate in mates)


def lose_answer_of_turn(d: Draft, k: int, worker: Worker, verdicts: str) -> None:
    """The turn took effect, its answer did not arrive."""
    after = d.workers[k]
    if after.does != DRAINING or d.options.lost_reply == "abandoned":
        d.rest(k)
        return
    blind = d.options.lost_reply == "sent_blindly"
    d.worker(
        k, does=ASKING, batch=worker.batch if blind else (), verdicts=verdicts if blind else ""
    )


