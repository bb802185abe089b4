"""What is said of the database, of shops and of Shopify. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from avnu.breaker.policy import CLOSED
from avnu.connection_options import Role
from avnu.health.check import Check, failed, ok, warning
from avnu.health.facts import Database, Facts, InboxFacts, Unreached
from avnu.settings import Settings
from avnu.store.shops import Status

_NAMED = 5
# Parked for one of these, a shop goes on by itself; what lasts is told by another check.
_PASSING = ("backlog", "breaker", "budget", "database", "throttled", "time")


def shopify_checks(facts: Facts, settings: Settings) -> Iterator[Check]:
    """Database, shops, subscriptions, requests by law, breakers, and who is parked."""
    found = facts.database
    if isinstance(found, Unreached):
        yield failed("database", found.why, "no handler can write, and shops wait", found.todo)
    else:
        yield ok("database", f"{found.place} is ready")
        yield _shops(found, settings)
        yield _subscriptions(found, settings)
        yield compliance_check(found, facts.now, settings)
    if not isinstance(facts.servers[Role.CACHE.value], Unreached):
        yield _breaker(facts)
    if isinstance(facts.inbox, InboxFacts):
        yield _parked(facts.inbox, found, settings)


def _shops(found: Database, settings: Settings) -> Check:
    told = ", ".join(f"{n:,} {status}" for status, n in found.shops.items()) or "none yet"
    if found.in_trouble:
        told = f"{told}: {_some(found.in_trouble)}"
    if not _many(len(found.in_trouble), found, settings):
        return ok("shops", told)
    return warning(
        "shops", told,
        "their webhooks wait, and are dead letters after PARK_MAX_SECONDS",
        "avnu shops show SHOP says why; then avnu shops resume SHOP, or add it with new tokens",
    )  # fmt: skip


def _subscriptions(found: Database, settings: Settings) -> Check:
    if _many(len(found.lacking), found, settings):
        return warning(
            "subscriptions", f"{found.refused:,} could not be made: {_some(found.lacking)}",
            "these changes are known only when a reconciliation comes by",
            "avnu shops subscriptions SHOP says what Shopify answered (a missing scope, mostly)",
        )  # fmt: skip
    if _many(len(found.silent), found, settings):
        return warning(
            "subscriptions", f"a topic fell silent: {_some(found.silent)}",
            "its subscription may be gone", "avnu shops subscriptions SHOP",
        )  # fmt: skip
    few = [*found.lacking, *found.silent]
    return ok("subscriptions", f"of few shops: {_some(few)}" if few else "none is missing")


def compliance_check(found: Database, now: datetime, settings: Settings) -> Check:
    """Whether an open request by law is near its deadline, or past it."""
    if found.due_at is None:
        return ok("compliance", "no request is open")
    told = f"{len(found.open_requests):,} open, the first due {found.due_at.date().isoformat()}"
    named = f"{told}: {_some(found.open_requests)}"
    why = "the law gives 30 days, and Shopify removes apps that miss it"
    todo = "avnu compliance list --open; what failed: avnu dead list --area compliance"
    if found.due_at <= now:
        return failed("compliance", named, why, todo)
    if found.due_at <= now + timedelta(days=settings.compliance_remind_days):
        return warning("compliance", named, why, todo)
    return ok("compliance", told)


def _breaker(facts: Facts) -> Check:
    if isinstance(facts.breakers, Unreached):
        return warning(
            "breaker", f"cannot be read: {facts.breakers.why}",
            "each process goes on with one of its own", "see the check of the cache's database",
        )  # fmt: skip
    told = {name: state for name, state in facts.breakers.items() if state != CLOSED}
    if not told:
        return ok("breaker", "closed: Shopify is called")
    return warning(
        "breaker", ", ".join(f"{name} {state}" for name, state in told.items()),
        "calls are not made as usual, and shops that need one wait",
        "avnu breaker list; a forced one goes back to its own judgement with: avnu breaker auto",
    )  # fmt: skip


def _parked(found: InboxFacts, shops: Database | Unreached, settings: Settings) -> Check:
    by_cause = found.state.parked_shops
    told = ", ".join(f"{n:,} for {cause}" for cause, n in by_cause.items()) or "no shop waits"
    staying = sum(n for cause, n in by_cause.items() if cause not in _PASSING)
    if not _many(staying, shops, settings):
        return ok("parked", told)
    return warning(
        "parked", told, "their webhooks wait, and are dead letters after PARK_MAX_SECONDS",
        "avnu shops show SHOP says why; budget, throttled and time pass by themselves",
    )  # fmt: skip


def _many(n: int, shops: Database | Unreached, settings: Settings) -> bool:
    """Of thousands of shops a few are always in trouble, each its own merchant's affair: told are
    more than MONITOR_SHOPS_PERCENT of all, and any where their number is not known.
    """
    every = {} if isinstance(shops, Unreached) else shops.shops
    known = sum(n for status, n in every.items() if status != Status.UNINSTALLED)
    return 100 * n > settings.monitor_shops_percent * known


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (" …" if len(names) > _NAMED else "")
