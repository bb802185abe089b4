"""What the operator does: ``replay.lua``, ``drop.lua``, ``pause.lua``, ``unpark.lua``."""

from tests.model.fate import forget_parking, go_solo
from tests.model.places import (
    partition_for,
    push_wake,
    queue_length,
    ready_or_idle,
    set_ready,
    unpark,
)
from tests.model.state import (
    DEAD,
    HALTED,
    IDLE,
    LEASED,
    LINE,
    NOT,
    NOTED,
    PARKED,
    REPLAYS,
    STOPPED,
    Draft,
    Webhook,
)


def replay(d: Draft, w: int) -> None:
    """A dead letter travels alone again, nothing of its past counted; one that waits is due now."""
    webhook = d.webhooks[w]
    if webhook.at != DEAD:
        if d.options.made_due == "moves":
            d.webhook(w, sets=())
        go_solo(d, w)
        return
    d.count(dead=-1)
    _forget(d, w, webhook)
    if d.options.replayed_goes == "line":
        s = d.plan.shop_of[w]
        d.webhook(w, at=LINE, sets=())
        d.shop(s, line=(*d.shops[s].line, w))
        set_ready(d, s, d.shops[s].partition)
    else:
        go_solo(d, w, REPLAYS)


def _forget(d: Draft, w: int, webhook: Webhook) -> None:
    reading = d.options.replay_forgets
    if reading != "nothing":
        d.webhook(w, fails=0, lone=0)
    # What it may cost from now on: as many crashes as it has left until it is dead again.
    allowed = d.options.attempts + 2 - webhook.crashed - webhook.suspect
    d.webhook(w, raised=0, crashes=0, crashes_allowed=allowed, outlasted=False)
    if reading == "suspicion":
        d.webhook(w, suspect=False)
    if d.options.replay_forgets_parking:
        forget_parking(d, w)


def pause_area(d: Draft) -> None:
    d.world = d.world._replace(area_paused=True)


def resume_area(d: Draft) -> None:
    """Partitions that stand marked, but without a wake-up, get theirs, as long as there is room."""
    d.world = d.world._replace(area_paused=False)
    free = [p for p, part in enumerate(d.partitions) if part.mark and not part.lease]
    room = max(0, 2 * len(free) - queue_length(d))
    if d.options.resume == "wakes":
        for p in free[:room]:
            push_wake(d, p)
    _resume_solo(d)


def pause_shop(d: Draft, s: int) -> None:
    d.world = d.world._replace(shops_paused=tuple(sorted((*d.world.shops_paused, s))))


def resume_shop(d: Draft, s: int) -> None:
    others = tuple(other for other in d.world.shops_paused if other != s)
    d.world = d.world._replace(shops_paused=others)
    if d.shops[s].at == HALTED:
        ready_or_idle(d, s)
    _resume_solo(d)


def pause_topic(d: Draft) -> None:
    d.world = d.world._replace(topic_paused=True)


def resume_topic(d: Draft) -> None:
    """Every shop with held webhooks gets them back, in front of its line."""
    d.world = d.world._replace(topic_paused=False)
    for s, shop in enumerate(d.shops):
        if shop.held:
            d.shop(s, releasing=True)
            if d.options.release == "at_once":
                release_held(d, s)
    _resume_solo(d)


def release_held(d: Draft, s: int) -> None:
    shop = d.shops[s]
    for w in shop.held:
        d.webhook(w, at=LINE)
    first = d.options.held_go == "front"
    line = shop.held + shop.line if first else shop.line + shop.held
    d.shop(s, line=line, held=(), releasing=False)
    if shop.at == IDLE:
        set_ready(d, s, partition_for(d, s, 0))


def _resume_solo(d: Draft) -> None:
    """What a pause set aside is due again; the tick sets aside what is still paused."""
    for w, webhook in enumerate(d.webhooks):
        if STOPPED in webhook.sets:
            kept = {name for name in webhook.sets if name != STOPPED}
            d.webhook(w, sets=tuple(sorted(kept | {REPLAYS})))


def unpark_by_hand(d: Draft, s: int) -> None:
    """Reinstalled, token refreshed, breaker closed; a shop that does not wait is left alone."""
    at = d.shops[s].at
    if at == PARKED or not d.options.unpark_looks:
        d.shop(s, since=NOT)
        unpark(d, s)
    elif at == NOTED:
        d.shop(s, at=LEASED, since=NOT)
