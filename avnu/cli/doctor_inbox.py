"""The part of ``avnu doctor`` that looks into the inbox: workers, room, accounts."""

from collections.abc import Iterator

from avnu.cli.check import Check, failed, ok, warning
from avnu.cli.status import WORKERS_DOWN_S, ticked
from avnu.clock import Clock
from avnu.connections import Connections
from avnu.errors import InboxUnavailable
from avnu.inbox import Inbox
from avnu.inbox.audit import Audit, audit
from avnu.inbox.overview import Overview, overview
from avnu.settings import Settings

# A running system moves under the auditor: a fault that is real is there each time.
_AUDITS = 5
_BETWEEN_AUDITS_S = 0.5


def inbox_checks(settings: Settings, connections: Connections, clock: Clock) -> Iterator[Check]:
    """Last tick, full flag, pauses, dead letters, and the auditor."""
    # Late: Celery takes longer to import than most commands take.
    from avnu.app import build_inbox

    inbox = build_inbox(settings, connections, clock)
    try:
        state = overview(inbox)
        yield _workers(state)
        yield _room(state)
        yield _pauses(state)
        yield _audit(inbox, clock)
    except InboxUnavailable as fault:
        yield failed(
            "inbox", str(fault), "nothing can be said about what is in it", "see the checks above"
        )


def _workers(state: Overview) -> Check:
    found = f"last tick {ticked(state)}"
    if state.tick_age_s <= WORKERS_DOWN_S:
        return ok("workers", found)
    return failed(
        "workers",
        found,
        "webhooks are kept, but not followed, and retries and parked shops wait",
        "start one: celery -A avnu worker",
    )


def _room(state: Overview) -> Check:
    if not state.full:
        return ok("room", "new webhooks are kept")
    return failed(
        "room",
        "the inbox is full",
        "new webhooks are answered 503, and Shopify gives up after 4 hours",
        "add workers so that it drains, or raise maxmemory of the server",
    )


def _pauses(state: Overview) -> Check:
    if not state.paused:
        return ok("pauses", "nothing is paused")
    return warning(
        "pauses",
        ", ".join(state.paused),
        "webhooks of it are kept, and not run",
        "avnu queues resume, when the reason is gone",
    )


def _audit(inbox: Inbox, clock: Clock) -> Check:
    """Exact on a quiet inbox; of a moving one, only what is seen each time counts."""
    first = last = audit(inbox)
    lasting = set(first.faults)
    for _ in range(_AUDITS - 1):
        if last.ok:
            return ok("accounts", _places(last))
        clock.sleep(_BETWEEN_AUDITS_S)
        before, last = last, audit(inbox)
        lasting &= set(last.faults)
        if lasting and last.counts == before.counts:
            break
    if last.ok:
        return ok("accounts", _places(last))
    if not lasting:
        return warning(
            "accounts",
            f"the inbox moved too fast to be read; no fault was seen each of {_AUDITS} times",
            "nothing is proven either way",
            "run doctor again in a quieter moment",
        )
    return failed(
        "accounts",
        "; ".join(sorted(lasting)[:10]),
        "a webhook may be lost, or stand in two places",
        "keep the append-only file and the logs, and report it",
    )


def _places(seen: Audit) -> str:
    return "they add up: " + ", ".join(f"{n:,} {place}" for place, n in sorted(seen.places.items()))
