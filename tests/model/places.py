"""Wake-ups and the places of a shop: ``_wake.lua``, ``_shop.lua``, ``_unpark.lua``."""

from tests.model.state import (
    ALONE,
    DRAINS,
    HALTED,
    IDLE,
    LEASED,
    NOT,
    NOTED,
    PARKED,
    READY,
    SHORT,
    WOKEN,
    Draft,
    Plan,
    State,
    Worker,
    holds,
)


def push_wake(d: Draft, p: int) -> None:
    """Number the next wake-up and push it; whatever carries an earlier number is older now."""
    here = d.partitions[p]
    pushed = 0 if d.world.area_paused else 1
    d.partition(p, mark=True, newest=pushed, older=here.older + here.newest)
    if here.lease:
        d.lease(p, newest=False)
    for k, worker in enumerate(d.workers):
        if worker.does == WOKEN and worker.target == p and worker.newest:
            d.worker(k, newest=False)


def queue_length(view: State | Draft) -> int:
    """How many messages stand in DB 1."""
    wakeups = sum(part.newest + part.older for part in view.partitions)
    return wakeups + sum(webhook.messages for webhook in view.webhooks)


def wake(d: Draft, p: int) -> None:
    """Make sure that a partition with work has a wake-up outstanding or a lease."""
    if not d.partitions[p].mark:
        push_wake(d, p)


def set_idle(d: Draft, s: int) -> None:
    d.shop(s, at=IDLE, partition=0, since=NOT)


def set_ready(d: Draft, s: int, p: int) -> None:
    d.shop(s, at=READY, partition=p)
    d.partition(p, ready=(*d.partitions[p].ready, s))
    wake(d, p)


def ready_or_idle(d: Draft, s: int) -> None:
    if d.shops[s].line:
        set_ready(d, s, d.shops[s].partition)
    else:
        set_idle(d, s)


def set_parked(d: Draft, s: int) -> None:
    d.shop(s, at=PARKED, since=d.shops[s].since or SHORT, timer=True)


def return_shop(d: Draft, s: int, *, park: bool, progressed: bool) -> None:
    """After a turn or a crash: the leased shop goes where its line and what was said send it."""
    at = d.shops[s].at
    if at not in (LEASED, NOTED):
        return
    if progressed:
        d.shop(s, since=NOT)
    if park or at == NOTED:
        set_parked(d, s)
    else:
        ready_or_idle(d, s)


def unpark(d: Draft, s: int) -> None:
    """A parked shop goes on: to its pause, to the ready list, or idle when nothing waits."""
    d.shop(s, timer=False)
    if s in d.world.shops_paused:
        d.shop(s, at=HALTED)
    else:
        ready_or_idle(d, s)


def partition_for(d: Draft, s: int, count: int) -> int:
    """crc32(shop) % INBOX_PARTITIONS, as a process with ``count`` partitions reckons it."""
    return s % (count or d.options.partitions)


def running_shop(plan: Plan, state: State, worker: Worker) -> int | None:
    """The shop whose webhooks this worker runs under a lease that stands."""
    if worker.frozen or worker.does not in (*DRAINS, ALONE) or not holds(state, worker):
        return None
    if worker.does == ALONE:
        return plan.shop_of[worker.target]
    return plan.shop_of[worker.batch[0]] if worker.batch else None
