"""What must be true in every state, and what every history must be able to reach."""

from collections.abc import Iterator

from tests.model.places import running_shop
from tests.model.state import (
    ALONE,
    DEAD,
    DRAINS,
    DROPPED,
    HALTED,
    HELD,
    IDLE,
    LEASED,
    LINE,
    NEW,
    NOTED,
    OPEN,
    PARKED,
    READY,
    SETTLED,
    SOLO,
    SUPERSEDED,
    Plan,
    Shop,
    State,
    holds,
)


def fault_in(plan: Plan, state: State) -> str | None:
    """The first property that this state violates."""
    checks = (_webhooks, _accounts, _shops, _partitions, _holders)
    return next((fault for check in checks for fault in check(plan, state)), None)


def at_rest(plan: Plan, state: State) -> bool:
    """Everything accepted is settled or dead; and nothing superseded lost its newer one."""
    for w, webhook in enumerate(state.webhooks):
        if webhook.at in OPEN:
            return False
        if webhook.at == SUPERSEDED and not _newer_took_effect(plan, state, w):
            return False
    return True


def _newer_took_effect(plan: Plan, state: State, w: int) -> bool:
    newer = (v for v in plan.order[plan.shop_of[w]] if v > w and plan.types[v] in "uv")
    return any(state.webhooks[v].at in (*SETTLED, NEW) for v in newer)


def _webhooks(plan: Plan, state: State) -> Iterator[str]:
    lines = [w for shop in state.shops for w in shop.line]
    held = [w for shop in state.shops for w in shop.held]
    leased = [w for part in state.partitions if part.lease for w in part.lease.batch]
    calm = _nothing_died(plan)
    most_tasks = _most_tasks(plan, state)
    for w, webhook in enumerate(state.webhooks):
        places = [LINE] * lines.count(w) + [HELD] * held.count(w) + [LEASED] * leased.count(w)
        if places != [webhook.at] * (webhook.at in (LINE, HELD, LEASED)):
            yield f"I1: w{w} is {webhook.at}, stands in {places or 'no place'}"
        if len(webhook.sets) > (webhook.at == SOLO):
            yield f"I1: w{w} is {webhook.at} and stands in the sets {', '.join(webhook.sets)}"
        if webhook.messages > most_tasks:
            yield f"I6: {webhook.messages} solo tasks of w{w} stand in DB 1"
        if webhook.raised > plan.options.attempts or webhook.fails > plan.options.attempts:
            yield f"I4: w{w} raised in {webhook.raised} runs of its own"
        if webhook.crashes > webhook.crashes_allowed:
            yield f"I4: w{w} crashed {webhook.crashes} times, {webhook.crashes_allowed} allowed"
        if calm and webhook.crashes:
            yield f"I4: a crash of w{w} is counted, although nothing died"


def _most_tasks(plan: Plan, state: State) -> int:
    """Solo tasks of one webhook in DB 1: one published, one per worker that still has an older."""
    return 1 + len(state.workers) + sum(_spent(plan, state, "duplicated", "replay"))


def _spent(plan: Plan, state: State, *names: str) -> list[int]:
    return [getattr(plan.options, name) - getattr(state.budget, name) for name in names]


def _nothing_died(plan: Plan) -> bool:
    options = plan.options
    faults = options.crash + options.freeze + options.reply + options.failover
    return not faults and not {"x", "h"} & set(plan.types)


def _accounts(plan: Plan, state: State) -> Iterator[str]:
    counts = state.counts
    places = [webhook.at for webhook in state.webhooks]
    open_ = sum(at in OPEN for at in places)
    if counts.accepted != counts.settled + open_ + counts.dead + counts.dropped:
        yield f"I1: {counts} do not add up with {open_} open"
    if counts.dead != places.count(DEAD) or counts.dropped != places.count(DROPPED):
        yield f"I1: {counts.dead} counted dead, {places.count(DEAD)} dead letters"


def _shops(plan: Plan, state: State) -> Iterator[str]:
    for s, shop in enumerate(state.shops):
        ready = [p for p, part in enumerate(state.partitions) for r in part.ready if r == s]
        leases = [part.lease for part in state.partitions]
        leased = [p for p, lease in enumerate(leases) if lease and s in lease.shops]
        where = f"shop {s} is {shop.at}, ready in {ready}, leased in {leased}"
        is_leased = shop.at in (LEASED, NOTED)
        if (ready, leased) != ([shop.partition] * (shop.at == READY), [shop.partition] * is_leased):
            yield "place: " + where
        if _line_is_wrong(shop):
            yield f"place: shop {s} is {shop.at} with the line {shop.line}"
        if shop.timer != (shop.at == PARKED):
            yield f"place: shop {s} is {shop.at}, in `parked` {shop.timer}"
        if shop.at == HALTED and s not in state.world.shops_paused:
            yield f"place: shop {s} is halted without a pause"


def _line_is_wrong(shop: Shop) -> bool:
    return bool(shop.line) if shop.at == IDLE else shop.at == READY and not shop.line


def _partitions(plan: Plan, state: State) -> Iterator[str]:
    standing = []
    for p, part in enumerate(state.partitions):
        standing.append(part.newest + part.older)
        if (part.ready or part.lease) and not part.mark:
            yield f"p{p} has work and no mark"
    yield from _too_many_wakeups(plan, state, standing)


def _too_many_wakeups(plan: Plan, state: State, standing: list[int]) -> Iterator[str]:
    """Every push but the tick's and the operator's is paid for by a wake-up taken.

    The tick pushes below two per partition with work, and as many more as it leaves room for solo
    tasks; a worker may have one in hand meanwhile. A solo run that parks a ready shop takes the
    work away, but not its wake-up.
    """
    doubled = sum(_spent(plan, state, "duplicated", "failover"))
    if plan.options.wakeups is not None and max(standing) > plan.options.wakeups + doubled:
        yield f"I6: {standing} wake-ups stand in DB 1"
    most = 2 * len(standing) + plan.options.solo_room + len(state.workers)
    most += doubled + sum(_spent(plan, state, "park"))
    if sum(standing) > most:
        yield f"I6: {sum(standing)} wake-ups stand in DB 1, {most} allowed"


def _holders(plan: Plan, state: State) -> Iterator[str]:
    holders = [
        (worker.does in DRAINS, worker.target)
        for worker in state.workers
        if worker.does in (*DRAINS, ALONE) and holds(state, worker)
    ]
    if len(set(holders)) < len(holders):
        yield "I2: two holders of one lease"
    if plan.options.overlap == "forbidden":
        shops = [running_shop(plan, state, worker) for worker in state.workers]
        busy = [s for s in shops if s is not None]
        if len(set(busy)) < len(busy):
            yield f"two live workers run webhooks of one shop: {busy}"
