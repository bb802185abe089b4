"""A drain's turns: ``turn.lua`` and ``_lease.lua``, each function one script or a piece of one."""

from collections import Counter

from tests.model.fate import crash, decide
from tests.model.places import push_wake, return_shop, set_idle
from tests.model.state import (
    ASKING,
    CLEARING,
    DRAINING,
    HALTED,
    HELD,
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


def finish(d: Draft, k: int, verdicts: str, *, parks: tuple[int, ...], last: bool) -> None:
    """Settle the batch in hand; take the next one, or end the slice."""
    worker = d.workers[k]
    p = worker.target
    lease = d.partitions[p].lease
    if not _may_settle(d, worker, lease):
        d.rest(k)
        return
    shops = lease.shops if lease else tuple(dict.fromkeys(d.plan.shop_of[w] for w in worker.batch))
    progressed = _settle_batch(d, worker.batch, verdicts)
    for s in _in_order_of_return(shops, progressed):
        return_shop(d, s, park=s in parks, progressed=s in progressed)
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
        finish(d, k, worker.verdicts, parks=(), last=False)
    else:
        _run(d, k, lease)


def recover(d: Draft, p: int) -> None:
    """The holder died: its webhooks go solo, its shop goes back, the lease is free."""
    lease = d.partitions[p].lease
    assert lease
    alive = [w for w in lease.batch if crash(d, w, len(lease.batch))]
    clear_lease(d, p)
    if d.options.crashed_goes == "line":
        for w in reversed(alive):
            d.webhook(w, at=LINE, sets=())
            s = d.plan.shop_of[w]
            d.shop(s, line=(w, *d.shops[s].line))
    for s in lease.shops:
        return_shop(d, s, park=False, progressed=False)


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


def _settle_batch(d: Draft, batch: tuple[int, ...], verdicts: str) -> set[int]:
    """Apply the verdicts. Returns the shops of which something was settled."""
    sizes = Counter(d.plan.shop_of[w] for w in batch)
    left: dict[int, tuple[int, ...]] = {}
    progressed = set()
    for w, letter in zip(batch, verdicts, strict=True):
        s = d.plan.shop_of[w]
        if letter == "B":
            left[s] = (*left.get(s, ()), w)
        else:
            decide(d, w, letter, sizes[s])
            progressed.add(s)
    for s, webhooks in left.items():
        _put_back(d, s, webhooks)
    return progressed


def _put_back(d: Draft, s: int, webhooks: tuple[int, ...]) -> None:
    for w in webhooks:
        if d.webhooks[w].at != LEASED:
            raise Violation(f"w{w} put back, but it is {d.webhooks[w].at}")
        d.webhook(w, at=LINE)
    line = d.shops[s].line
    d.shop(s, line=webhooks + line if d.options.back == "front" else line + webhooks)


def _in_order_of_return(shops: tuple[int, ...], progressed: set[int]) -> list[int]:
    """Shops that the slice did not reach come first; the first of the batch had its turn."""
    served = [s for i, s in enumerate(shops) if s in progressed or i == 0]
    return [s for s in shops if s not in served] + served


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
    batch: tuple[int, ...] = ()
    shops: tuple[int, ...] = ()
    options = d.options
    while d.partitions[p].ready and len(shops) < options.turn_shops and len(batch) < options.batch:
        s, *others = d.partitions[p].ready
        d.partition(p, ready=tuple(others))
        if _join(d, s, p):
            drawn = _draw(d, s, options.batch - len(batch))
            batch, shops = batch + drawn, (*shops, s)
    if shops:
        lease = Lease(owner, turn, shops, batch, newest)
        d.partition(p, lease=lease, tries=0)
        _run(d, k, lease)
        return
    _release(d, p)
    d.rest(k)
    if options.mark_cleared == "separately":
        d.worker(k, does=CLEARING, target=p)


def _join(d: Draft, s: int, p: int) -> bool:
    """Does this shop from the ready list join the batch? It may be stopped, or have nothing."""
    shop = d.shops[s]
    if shop.at != READY or shop.partition != p:
        return False
    if s in d.world.shops_paused:
        d.shop(s, at=HALTED)
        return False
    if not shop.line:
        set_idle(d, s)
        return False
    return True


def _draw(d: Draft, s: int, room: int) -> tuple[int, ...]:
    """The webhooks at the front of its line; those of a paused topic are set aside."""
    shop = d.shops[s]
    seen = shop.line[:room]
    aside = tuple(w for w in seen if d.topic_is_paused(w))
    d.shop(s, at=LEASED, line=shop.line[room:], held=shop.held + aside)
    for w in seen:
        d.webhook(w, at=HELD if w in aside else LEASED)
    return tuple(w for w in seen if w not in aside)


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
