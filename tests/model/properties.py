"""What must be true in every state, and what every history must be able to reach."""

from collections.abc import Iterator

from tests.model.places import running_shop
from tests.model.state import (
    ALONE,
    DEAD,
    DRAINS,
    DROPPED,
    HALTED,
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
    Draft,
    Plan,
    Shop,
    State,
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
    leased = [w for part in state.partitions if part.lease for w in part.lease.batch]
    calm = _nothing_died(plan)
    for w, webhook in enumerate(state.webhooks):
        if lines.count(w) != (webhook.at == LINE) or leased.count(w) != (webhook.at == LEASED):
            yield (
                f"I1: w{w} is {webhook.at}, stands {lines.count(w)} times in a line"
                f" and {leased.count(w)} times in a lease"
            )
        if len(webhook.sets) > (webhook.at == SOLO):
            yield f"I1: w{w} is {webhook.at} and stands in the sets {', '.join(webhook.sets)}"
        doubled = plan.options.duplicated + plan.options.replay
        doubled -= state.budget.duplicated + state.budget.replay
        if webhook.messages > plan.options.tasks + doubled:
            yield f"I6: {webhook.messages} solo tasks of w{w} stand in DB 1"
        if webhook.raised > plan.options.attempts or webhook.fails > plan.options.attempts:
            yield f"I4: w{w} raised in {webhook.raised} runs of its own"
        if webhook.crashes > webhook.crashes_allowed:
            yield f"I4: w{w} crashed {webhook.crashes} times, {webhook.crashes_allowed} allowed"
        if calm and webhook.crashes:
            yield f"I4: a crash of w{w} is counted, although nothing died"


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
        leased = [p for p, part in enumerate(state.partitions) if part.lease and part.lease.shop == s]
        where = f"shop {s} is {shop.at}, ready in {ready}, leased in {leased}"
        if ready != [shop.partition] * (shop.at == READY):
            yield "place: " + where
        elif leased != [shop.partition] * (shop.at in (LEASED, NOTED)):
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
    options, budget = plan.options, state.budget
    extra = options.duplicated - budget.duplicated + options.failover - budget.failover
    extra += options.pause_area - budget.pause_area
    for p, part in enumerate(state.partitions):
        if (part.ready or part.lease) and not part.mark:
            yield f"p{p} has work and no mark"
        if part.newest + part.older > options.wakeups + extra:
            yield f"I6: {part.newest + part.older} wake-ups of p{p} stand in DB 1"


def _holders(plan: Plan, state: State) -> Iterator[str]:
    view = Draft(plan, state)
    holders = [
        (worker.does in DRAINS, worker.target)
        for worker in state.workers
        if worker.does in (*DRAINS, ALONE) and view.holds(worker)
    ]
    if len(set(holders)) < len(holders):
        yield "I2: two holders of one lease"
    if plan.options.overlap == "forbidden":
        shops = [running_shop(view, worker) for worker in state.workers]
        busy = [s for s in shops if s is not None]
        if len(set(busy)) < len(busy):
            yield f"two live workers run webhooks of one shop: {busy}"
