"""What may happen next: arrivals, the operator, the tick, time, DB 1, and faults.

Time is abstract: whatever waits for a moment may happen whenever the design allows it at all.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from tests.model import by_hand, tick
from tests.model.accept import accept
from tests.model.fate import drop
from tests.model.places import queue_length
from tests.model.state import (
    ALONE,
    DEAD,
    DRAINS,
    NEW,
    NOT,
    PARKED,
    PUBLISHED_FROM,
    RUNNING,
    SOLO,
    TASKED,
    WOKEN,
    Draft,
    Plan,
    State,
    holds,
)

PROTOCOL = "protocol"  # happens by itself when no fault strikes
REPLACEMENT = "replacement"  # the tick replaces a wake-up that seems lost
FAULT = "fault"
OUTSIDE = "outside"  # arrivals, the operator, time beyond measure


class Step(NamedTuple):
    """One step that a state allows; ``spends`` names the budget it draws on."""

    label: str
    kind: str
    change: Callable[[Draft], None]
    spends: str = ""


def steps_of_world(plan: Plan, state: State) -> Iterator[Step]:
    """Everything that workers do not do themselves."""
    yield from _arrivals(plan, state)
    yield from _operator(plan, state)
    yield from _pauses(plan, state)
    yield from _messages(plan, state)
    yield from _disasters(plan, state)
    yield from _tick_partitions(plan, state)
    yield from _tick_webhooks(plan, state)
    yield from _tick_shops(plan, state)


def partition_counts(plan: Plan, state: State) -> tuple[int, ...]:
    """Which INBOX_PARTITIONS live processes have: one value, or two while a change rolls out."""
    if plan.options.config == 0 or state.budget.config:
        return (plan.options.partitions,)
    return (plan.options.partitions, 1)


def _arrivals(plan: Plan, state: State) -> Iterator[Step]:
    counts = partition_counts(plan, state)
    for order in plan.order:
        fresh = next((w for w in order if state.webhooks[w].at == NEW), None)
        if fresh is not None:
            for n in counts:
                by = f" by a receiver with {n} partitions" if len(counts) > 1 else ""
                yield Step(f"accept w{fresh}{by}", OUTSIDE, partial(accept, w=fresh, partitions=n))
    if state.budget.config:
        yield Step("INBOX_PARTITIONS becomes 1 for some", OUTSIDE, _nothing, "config")


def _nothing(d: Draft) -> None:
    """The budget that is spent says it all."""


def _operator(plan: Plan, state: State) -> Iterator[Step]:
    budget = state.budget
    for w, webhook in enumerate(state.webhooks):
        if budget.replay and webhook.at in (DEAD, SOLO):
            yield Step(f"replay w{w}", OUTSIDE, partial(by_hand.replay, w=w), "replay")
        if budget.drop and webhook.at == DEAD:
            yield Step(f"drop w{w}", OUTSIDE, partial(drop, w=w), "drop")
    if budget.unpark:
        for s in range(len(state.shops)):
            step = partial(by_hand.unpark_by_hand, s=s)
            yield Step(f"operator unparks shop {s}", OUTSIDE, step, "unpark")
    if budget.day and _something_parks(state):
        yield Step("PARK_MAX_SECONDS pass", OUTSIDE, tick.a_day_passes, "day")


def _something_parks(state: State) -> bool:
    return any(shop.at == PARKED for shop in state.shops) or any(
        webhook.parked != NOT and webhook.at == SOLO for webhook in state.webhooks
    )


def _pauses(plan: Plan, state: State) -> Iterator[Step]:
    """A pause ends some day: nothing that is paused need get anywhere before."""
    if state.world.area_paused:
        yield Step("resume the area", PROTOCOL, by_hand.resume_area)
    elif state.budget.pause_area:
        yield Step("pause the area", OUTSIDE, by_hand.pause_area, "pause_area")
    if state.world.topic_paused:
        yield Step("resume the topic", PROTOCOL, by_hand.resume_topic)
    elif state.budget.pause_topic:
        yield Step("pause the topic", OUTSIDE, by_hand.pause_topic, "pause_topic")
    for s in range(len(state.shops)):
        if s in state.world.shops_paused:
            yield Step(f"resume shop {s}", PROTOCOL, partial(by_hand.resume_shop, s=s))
        elif state.budget.pause_shop:
            yield Step(f"pause shop {s}", OUTSIDE, partial(by_hand.pause_shop, s=s), "pause_shop")


# --- DB 1


def _messages(plan: Plan, state: State) -> Iterator[Step]:
    faults = []
    if state.budget.lost:
        faults.append(("LOST", -1, "lost"))
    if state.budget.duplicated:
        faults.append(("DUPLICATED", 1, "duplicated"))
    for what, n, spends in faults:
        for p, part in enumerate(state.partitions):
            if part.newest:
                change = partial(_change_wakeups, p=p, newest=n, older=0)
                yield Step(f"{what} wake-up p{p}", FAULT, change, spends)
            if part.older:
                change = partial(_change_wakeups, p=p, newest=0, older=n)
                yield Step(f"{what} wake-up p{p} (older)", FAULT, change, spends)
        for w, webhook in enumerate(state.webhooks):
            if webhook.messages:
                yield Step(f"{what} task w{w}", FAULT, partial(_change_tasks, w=w, n=n), spends)
    if state.budget.flush:
        yield Step("FLUSH of DB 1", FAULT, _flush, "flush")


def _change_wakeups(d: Draft, p: int, newest: int, older: int) -> None:
    here = d.partitions[p]
    d.partition(p, newest=here.newest + newest, older=here.older + older)


def _change_tasks(d: Draft, w: int, n: int) -> None:
    d.webhook(w, messages=d.webhooks[w].messages + n)


def _flush(d: Draft) -> None:
    for p in range(len(d.partitions)):
        d.partition(p, newest=0, older=0)
    for w in range(len(d.webhooks)):
        d.webhook(w, messages=0)


# --- Redis away, or older than it was


def _disasters(plan: Plan, state: State) -> Iterator[Step]:
    if state.budget.outage and not state.world.gap:
        yield Step("OUTAGE longer than a lease", FAULT, tick.outage, "outage")
    if state.budget.failover:
        if state.world.snapshot is None:
            yield Step("a replica lags from here on", FAULT, _take_snapshot)
        else:
            yield Step("FAILOVER to that replica", FAULT, _fall_back, "failover")
    if plan.options.dead_have_ttl:
        for w, webhook in enumerate(state.webhooks):
            if webhook.at == DEAD:
                yield Step(f"Redis expires w{w}", OUTSIDE, partial(_vanish, w=w))


def _vanish(d: Draft, w: int) -> None:
    d.webhook(w, at="vanished")


def _take_snapshot(d: Draft) -> None:
    kept = (d.webhooks, d.shops, d.partitions)
    d.world = d.world._replace(
        snapshot=(*(tuple(things) for things in kept), d.counts, d.world.token)
    )


def _fall_back(d: Draft) -> None:
    """Both databases are older; what workers have in hand is not, and its number is no longer new.

    What nobody had told the replica is lost, acknowledged or not: here it arrives once more.
    """
    webhooks, shops, partitions, d.counts, token = d.world.snapshot
    d.webhooks, d.shops, d.partitions = list(webhooks), list(shops), list(partitions)
    d.world = d.world._replace(snapshot=None, token=token)
    for k, worker in enumerate(d.workers):
        if worker.does == WOKEN:
            d.worker(k, newest=False)


# --- Time and the tick


def _tick_partitions(plan: Plan, state: State) -> Iterator[Step]:
    if state.world.gap:
        yield Step("tick after a gap: leases get a fresh term", PROTOCOL, tick.renew_after_gap)
    for p, part in enumerate(state.partitions):
        seen = plan.options.tick_walks == "work" or p < min(partition_counts(plan, state))
        if part.lease and not state.world.gap:
            if not part.lease.expired and not _is_renewed(plan, state, (WOKEN, *DRAINS), p):
                yield Step(f"lease p{p} ends", PROTOCOL, partial(tick.end_lease, p=p))
            if part.lease.expired and seen:
                yield Step(f"tick recovers p{p}", PROTOCOL, partial(tick.recover_partition, p=p))
        if seen and not part.lease and part.mark and not part.ready:
            yield Step(f"tick clears the mark p{p}", PROTOCOL, partial(tick.clear_mark, p=p))
        if seen and _may_replace(plan, state, p):
            change = partial(tick.replace_wakeup, p=p)
            yield Step(f"tick replaces wake-up p{p}", REPLACEMENT, change)
        if plan.options.tick_moves_shops:
            yield from _moves(plan, state, p)


def _moves(plan: Plan, state: State, p: int) -> Iterator[Step]:
    for n in partition_counts(plan, state):
        for s in state.partitions[p].ready:
            if s % n != p:
                change = partial(tick.move_shop, s=s, p=p, to=s % n)
                yield Step(f"tick ({n} partitions) moves shop {s}", PROTOCOL, change)


def _may_replace(plan: Plan, state: State, p: int) -> bool:
    part, reading = state.partitions[p], plan.options.replace
    if not part.ready or state.world.area_paused:
        return False
    if part.lease and (plan.options.replace_during == "no_lease" or part.lease.expired):
        return False
    if reading == "short_queue":
        waits = any(PUBLISHED_FROM & set(webhook.sets) for webhook in state.webhooks)
        spare = plan.options.solo_room if waits else 0
        return queue_length(state) < 2 * sum(q.mark for q in state.partitions) + spare
    return reading == "always" or (reading == "counted" and part.tries < 2)


def _is_renewed(plan: Plan, state: State, does: tuple[str, ...], target: int) -> bool:
    """Does a live worker renew the lease of this partition, or of this solo webhook?

    One whose answer was lost asks again before its lease ends; one that cannot is a frozen one.
    """
    return any(
        worker.does in does
        and worker.target == target
        and holds(state, worker)
        and not worker.frozen
        and not (worker.hung and plan.options.renewal_ends)
        for worker in state.workers
    )


def _tick_webhooks(plan: Plan, state: State) -> Iterator[Step]:
    view = Draft(plan, state)
    for w, webhook in enumerate(state.webhooks):
        if webhook.at == SOLO and tick.may_be_published(view, w):
            yield Step(f"tick publishes w{w}", PROTOCOL, partial(tick.publish, w=w))
        if webhook.at == RUNNING and not state.world.gap:
            if webhook.expired:
                yield Step(f"tick recovers solo w{w}", PROTOCOL, partial(tick.recover_solo, w=w))
            elif not _is_renewed(plan, state, (TASKED, ALONE), w):
                yield Step(f"lease of solo w{w} ends", PROTOCOL, partial(_end_solo_lease, w=w))


def _end_solo_lease(d: Draft, w: int) -> None:
    d.webhook(w, expired=True)


def _tick_shops(plan: Plan, state: State) -> Iterator[Step]:
    for s, shop in enumerate(state.shops):
        if shop.releasing:
            step = partial(by_hand.release_held, s=s)
            yield Step(f"tick releases what shop {s} held", PROTOCOL, step)
        if shop.timer:
            yield Step(f"tick unparks shop {s}", PROTOCOL, partial(tick.unpark_due, s=s))
