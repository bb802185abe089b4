"""What the operator does: ``replay.lua``, ``drop.lua``, ``pause.lua``, ``unpark.lua``."""

from tests.model.fate import forget_parking, go_solo
from tests.model.places import push_wake, ready_or_idle, set_ready, unpark
from tests.model.state import (
    DEAD,
    HALTED,
    LINE,
    NOT,
    PARKED,
    SOLO_SET,
    STOPPED,
    SUSPECTS,
    Draft,
    Webhook,
)


def replay(d: Draft, w: int) -> None:
    """A dead letter travels alone again, nothing of its past counted; one that waits is due now."""
    webhook = d.webhooks[w]
    if webhook.at == DEAD:
        d.count(dead=-1)
        _forget(d, w, webhook)
    else:
        d.webhook(w, sets=tuple(name for name in webhook.sets if name != STOPPED))
    if d.options.replayed_goes == "line":
        s = d.plan.shop_of[w]
        d.webhook(w, at=LINE, sets=())
        d.shop(s, line=(*d.shops[s].line, w))
        set_ready(d, s, d.shops[s].partition)
    else:
        go_solo(d, w)


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
    """Partitions that stand marked, but without a wake-up, get theirs."""
    d.world = d.world._replace(area_paused=False)
    if d.options.resume == "wakes":
        for p, partition in enumerate(d.partitions):
            if partition.mark and not partition.lease:
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


def _resume_solo(d: Draft) -> None:
    """What a pause set aside is due again; the tick sets aside what is still paused."""
    for w, webhook in enumerate(d.webhooks):
        if STOPPED in webhook.sets:
            own = d.options.resumed_suspects == "to_suspects" and webhook.suspect
            kept = {name for name in webhook.sets if name != STOPPED}
            d.webhook(w, sets=tuple(sorted(kept | {SUSPECTS if own else SOLO_SET})))


def unpark_by_hand(d: Draft, s: int) -> None:
    """Reinstalled, token refreshed, breaker closed; a shop that does not wait is left alone."""
    if d.shops[s].at == PARKED or not d.options.unpark_looks:
        d.shop(s, since=NOT)
        unpark(d, s)
