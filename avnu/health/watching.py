"""The monitor at work: look, keep it for /metrics and the next look, say what changed."""

from collections.abc import Callable, Iterator, Sequence

from avnu.connections import Connections
from avnu.errors import InboxUnavailable
from avnu.health.check import Check, State
from avnu.health.copies import online_after
from avnu.health.facts import Database, Facts, InboxFacts, Quiet, Sample
from avnu.health.gathering import gather, sample_of
from avnu.health.inbox_checks import inbox_checks
from avnu.health.keeping import Claim, Kept, claim_look, keep, read_kept, refuses_writes
from avnu.health.server_checks import server_checks
from avnu.health.shopify_checks import shopify_checks
from avnu.health.telling import tell_changes, tell_unkept
from avnu.inbox import Inbox
from avnu.settings import Settings
from avnu.store.database import Store

# The longest silence of the past counts half as much after so long.
_QUIET_HALF_LIFE_S = 14 * 86_400.0
# Two sums of the same times differ by rounding; what came so soon after another ended no silence.
_QUIET_LEAST_S = 1.0


def judge(facts: Facts, settings: Settings) -> Iterator[Check]:
    """Every check, the servers' first. Pure."""
    yield from server_checks(facts, settings)
    yield from inbox_checks(facts, settings)
    yield from shopify_checks(facts, settings)


def watch(
    settings: Settings,
    connections: Connections,
    inbox: Inbox,
    store: Callable[[], Store],
    owner: str,
) -> dict[str, int | str]:
    """One look of the job, if it is time for one; ``owner`` is a name that no other look has.

    A server that refuses to write is looked at too.

    Raises InboxUnavailable, having looked at nothing, when it does not answer: nobody can tell what
    was known before, and /metrics says that Redis is away.
    """
    claim = None
    try:
        claim = claim_look(inbox, settings.monitor_every_seconds, owner)
        if claim is None:
            return {"ended": "not due"}
    except InboxUnavailable as fault:
        if not refuses_writes(fault):
            raise
    before = read_kept(inbox)
    facts = gather(connections, inbox, store, before)
    checks = list(judge(facts, settings))
    ended = _end(inbox, claim, kept_of(facts, checks, before, settings), before, checks)
    counted = {state.value: sum(check.state is state for check in checks) for state in State}
    return {"ended": ended, **counted}


def _end(
    inbox: Inbox,
    claim: Claim | None,
    kept: Kept | None,
    before: Kept | None,
    checks: Sequence[Check],
) -> str:
    """Keep, then tell: a change that was told and not kept would be told at each look."""
    if claim is not None and kept is not None:
        try:
            if not keep(inbox, kept, claim):
                return "overtaken"  # whoever has the claim now tells
        except InboxUnavailable:
            pass
        else:
            tell_changes(before, checks)
            return "done"
    tell_unkept(checks)
    return "not kept"


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
        unseen=_unseen(before, checks),
        online=online_after(facts.online_before, facts.servers, sample.at_ms),
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


def _unseen(before: Kept | None, checks: Sequence[Check]) -> list[Check]:
    """What was last found of checks that were not made: when they are again, it may differ."""
    made = {check.name for check in checks}
    known = (*before.checks, *before.unseen) if before else ()
    return [check for check in known if check.name not in made]


def _since(before: Kept | None, checks: Sequence[Check], now_ms: int) -> dict[str, int]:
    since = {}
    for check in (*checks, *_unseen(before, checks)):
        was = before.check(check.name) if before else None
        same = before is not None and was is not None and was.state is check.state
        since[check.name] = before.since_ms.get(check.name, now_ms) if before and same else now_ms
    return since
