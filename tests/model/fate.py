"""What becomes of one webhook: ``_fate.lua``. And the checks of each such step."""

from tests.model.state import (
    DEAD,
    DONE,
    DROPPED,
    HELD,
    LEASED,
    LINE,
    LONG,
    NOT,
    OPEN,
    SOLO,
    SOLO_SET,
    SUPERSEDED,
    SUSPECTS,
    Draft,
    Violation,
    Webhook,
)


def settle(d: Draft, w: int, outcome: str) -> None:
    """Done or superseded: what stays is the deduplication key."""
    _once(d, w)
    if outcome == DONE:
        _in_order(d, w)
    d.webhooks[w] = Webhook(at=outcome, messages=d.webhooks[w].messages)
    d.count(settled=1)


def die(d: Draft, w: int, cause: str) -> None:
    _once(d, w)
    _legitimate(d, w, cause)
    d.webhook(w, at=DEAD, sets=(), owner=0, expired=False, published=False)
    d.count(dead=1)


def drop(d: Draft, w: int) -> None:
    """A dead letter is deleted, by the operator or by the sweep."""
    d.webhooks[w] = Webhook(at=DROPPED, messages=d.webhooks[w].messages)
    d.count(dead=-1, dropped=1)


def go_solo(d: Draft, w: int, waits_in: str = SOLO_SET) -> None:
    """On its own from now on, due at once or later: time is not told apart here."""
    webhook = d.webhooks[w]
    joins = SUSPECTS if webhook.suspect else waits_in
    sets = tuple(sorted({*webhook.sets, joins}))
    d.webhook(w, at=SOLO, sets=sets, owner=0, expired=False, published=False)


def fail(d: Draft, w: int) -> None:
    """A run of its own raised: one attempt is spent."""
    fails = d.webhooks[w].fails + 1
    d.webhook(w, fails=fails)
    if fails >= d.options.attempts:
        die(d, w, "attempts")
    else:
        go_solo(d, w)


def crash(d: Draft, w: int, batch: int) -> bool:
    """Its lease, with ``batch`` webhooks, ended without an answer. Returns whether it lives on."""
    webhook = d.webhooks[w]
    d.webhook(w, crashes=webhook.crashes + 1, crashed=True)
    if _crash_counts(d, webhook, batch):
        d.webhook(w, lone=webhook.lone + 1)
        if webhook.lone + 1 >= d.options.attempts:
            die(d, w, "poison")
            return False
    if webhook.crashed or d.options.crash_counts == "marked":
        d.webhook(w, suspect=True)
    go_solo(d, w)
    return True


def _crash_counts(d: Draft, webhook: Webhook, batch: int) -> bool:
    match d.options.crash_counts:
        case "second":
            return webhook.crashed
        case "batch_of_one":
            return batch == 1
        case "any":
            return True
        case _:
            return webhook.suspect


def decide(d: Draft, w: int, letter: str, batch: int) -> None:
    """The verdicts that end or move one webhook. D U F X G as in turn.lua."""
    if letter == "F" or (letter == "G" and batch == 1):
        d.webhook(w, raised=d.webhooks[w].raised + 1)
    match letter:
        case "D":
            settle(d, w, DONE)
        case "U":
            settle(d, w, SUPERSEDED)
        case "F":
            fail(d, w)
        case "X":
            die(d, w, "rejected")
        case "G":
            go_solo(d, w)


# --- Checks


def _once(d: Draft, w: int) -> None:
    if d.webhooks[w].at not in OPEN:
        raise Violation(f"I3: w{w} settled twice")


def _in_order(d: Draft, w: int) -> None:
    """Order is promised among the webhooks of a shop that never were in trouble."""
    strict = d.options.order == "strict"
    if d.webhooks[w].at != LEASED and not strict:
        return
    for v in d.plan.order[d.plan.shop_of[w]]:
        earlier = d.webhooks[v]
        if v >= w or not (earlier.at in OPEN if strict else earlier.at in (LINE, HELD, LEASED)):
            continue
        if d.plan.types[v] == d.plan.types[w] == "o":
            raise Violation(f"order: w{w} done before w{v} of the same shop")


def _legitimate(d: Draft, w: int, cause: str) -> None:
    webhook, kind, enough = d.webhooks[w], d.plan.types[w], d.options.attempts
    shop = d.shops[d.plan.shop_of[w]]
    allowed = {
        "attempts": kind in "fv" and webhook.raised >= enough,
        "rejected": kind == "r",
        "poison": kind in "xh" and webhook.crashes >= enough,
        "unavailable": webhook.outlasted or shop.since == LONG,
    }
    if not allowed[cause]:
        raise Violation(f"I4: w{w} (type {kind}) dead with cause {cause}")


def forget_parking(d: Draft, w: int) -> None:
    d.webhook(w, parked=NOT, outlasted=False)
