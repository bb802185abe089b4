"""The part of ``avnu doctor`` that looks into the inbox: pauses, accounts."""

from collections.abc import Iterator

from avnu.clock import Clock
from avnu.errors import InboxUnavailable
from avnu.health.check import Check, failed, ok, warning
from avnu.inbox import Inbox
from avnu.inbox.audit import Audit, audit
from avnu.inbox.overview import Overview
from avnu.start_check import refusal

# A running system moves under the auditor: a fault that is real is there each time.
_AUDITS = 5
_BETWEEN_AUDITS_S = 0.5


def accounts_checks(inbox: Inbox, state: Overview, clock: Clock) -> Iterator[Check]:
    """Pauses, and the auditor, who reads the whole inbox."""
    yield _pauses(state)
    try:
        yield _audit(inbox, clock)
    except InboxUnavailable as fault:
        todo = refusal(fault) or "see the checks above"
        yield failed("accounts", str(fault), "nothing is known of them", todo)


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
