"""The monitor at work: look, say what changed, keep it for /metrics and the next look."""

import logging
from collections.abc import Callable, Iterator, Sequence

from avnu.connections import Connections
from avnu.health.check import Check, State
from avnu.health.facts import Database, Facts, InboxFacts, Quiet, Sample
from avnu.health.gathering import gather, sample_of
from avnu.health.inbox_checks import inbox_checks
from avnu.health.keeping import Kept, keep, may_look, read_kept
from avnu.health.server_checks import server_checks
from avnu.health.shopify_checks import shopify_checks
from avnu.inbox import Inbox
from avnu.logs import about
from avnu.settings import Settings
from avnu.store.database import Store

log = logging.getLogger(__name__)

# The longest silence of the past counts half as much after so long.
_QUIET_HALF_LIFE_S = 14 * 86_400.0
# Two sums of the same times differ by rounding; what came so soon after another ended no silence.
_QUIET_LEAST_S = 1.0
_LEVELS = {
    State.OK: logging.INFO,
    State.WARNING: logging.WARNING,
    State.FAILED: logging.ERROR,
}


def judge(facts: Facts, settings: Settings) -> Iterator[Check]:
    """Every check, the servers' first. Pure."""
    yield from server_checks(facts, settings)
    yield from inbox_checks(facts, settings)
    yield from shopify_checks(facts, settings)


def watch(
    settings: Settings, connections: Connections, inbox: Inbox, store: Callable[[], Store]
) -> dict[str, int | str]:
    """One look of the job, if it is time for one. Raises InboxUnavailable, having kept nothing.

    Then nobody can tell what was known before; /metrics says that Redis is away.
    """
    if not may_look(inbox, settings.monitor_every_seconds):
        return {"ended": "not due"}
    before = read_kept(inbox)
    facts = gather(connections, inbox, store, before)
    checks = list(judge(facts, settings))
    _tell_changes(before, checks)
    kept = kept_of(facts, checks, before, settings)
    if kept is not None:
        keep(inbox, kept)
    counted = {state.value: sum(check.state is state for check in checks) for state in State}
    return {"ended": "done", **counted}


def kept_of(
    facts: Facts, checks: Sequence[Check], before: Kept | None, settings: Settings
) -> Kept | None:
    """What is kept of a look; None when the inbox did not answer."""
    sample = sample_of(facts)
    if sample is None or not isinstance(facts.inbox, InboxFacts):
        return None
    database = facts.database if isinstance(facts.database, Database) else None
    older, newer = _samples(before, sample, settings.monitor_window_seconds)
    return Kept(
        looked_ms=sample.at_ms,
        checks=checks,
        since_ms=_since(before, checks, sample.at_ms),
        older=older,
        newer=newer,
        quiet=quiet_after(facts.quiet, facts.inbox.heard.received_s, sample.at_ms),
        subscriptions_missing=database.refused if database else None,
        due_at=database.due_at if database else None,
    )


def quiet_after(quiet: Quiet, age_s: float | None, at_ms: int) -> Quiet:
    """The longest silence, now that one looked again ``age_s`` after a delivery."""
    if age_s is None:
        return quiet
    passed_s = max(0.0, (at_ms - quiet.at_ms) / 1000) if quiet.at_ms else 0.0
    longest_s: float = quiet.longest_s * 0.5 ** (passed_s / _QUIET_HALF_LIFE_S)
    if age_s < quiet.age_s + passed_s - _QUIET_LEAST_S:
        # Something came meanwhile, so the silence of before is over and was this long at least.
        longest_s = max(longest_s, quiet.age_s)
    return Quiet(longest_s, age_s, at_ms)


def _samples(
    before: Kept | None, now: Sample, window_s: int
) -> tuple[Sample | None, Sample | None]:
    """The older and the newer sample: rates are over one to two windows."""
    if before is None or before.newer is None or before.older is None:
        return now, now
    if now.at_ms - before.newer.at_ms < window_s * 1000:
        return before.older, before.newer
    return before.newer, now


def _since(before: Kept | None, checks: Sequence[Check], now_ms: int) -> dict[str, int]:
    since = {}
    for check in checks:
        was = before.check(check.name) if before else None
        same = before is not None and was is not None and was.state is check.state
        since[check.name] = before.since_ms.get(check.name, now_ms) if before and same else now_ms
    return since


def _tell_changes(before: Kept | None, checks: Sequence[Check]) -> None:
    """Each change of a state is one line; what was well at the first look is none."""
    for check in checks:
        was = before.check(check.name) if before else None
        if check.state is (was.state if was else State.OK):
            continue
        log.log(
            _LEVELS[check.state],
            "health changed",
            extra=about(
                check=check.name, state=check.state.value,
                was=(was.state if was else State.OK).value, found=check.found, todo=check.todo,
            ),
        )  # fmt: skip
