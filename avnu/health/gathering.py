"""One look at everything: whatever does not answer is told as that, and hides nothing else."""

from collections import Counter
from collections.abc import Callable

from redis.exceptions import RedisError

from avnu.breaker.control import BreakerControl
from avnu.breaker.policy import SHOPIFY, BreakerPolicy
from avnu.clock import Clock
from avnu.compliance.ledger import Ledger
from avnu.connection_options import DATABASES, Role
from avnu.connections import Connections
from avnu.errors import InboxUnavailable, SettingsInvalid, StoreOutdated, StoreUnavailable
from avnu.health.facts import Database, Facts, InboxFacts, Quiet, Sample, Unreached
from avnu.health.getting import read_gets
from avnu.health.hearing import heard
from avnu.health.keeping import Kept
from avnu.health.servers import ServerState, read_server
from avnu.inbox import Inbox
from avnu.inbox.longest import longest_lines
from avnu.inbox.overview import overview
from avnu.inbox.stuck import stuck_partitions
from avnu.start_check import refusal
from avnu.store.columns import instant
from avnu.store.database import UPGRADE, Store
from avnu.store.schema import require_schema
from avnu.store.shops import Shops, Status
from avnu.subscriptions.audit import audited

_TOP = 5
# Two looks that follow each other closely tell nothing of a rate.
_LEAST_SAMPLE_S = 5.0
_IN_TROUBLE = (Status.FROZEN, Status.UNAUTHORISED)


def gather(
    connections: Connections, inbox: Inbox, store: Callable[[], Store], kept: Kept | None
) -> Facts:
    """Look. ``kept`` is what an earlier look left, if the inbox could be asked."""
    clock = inbox.clock
    found = _inbox(inbox)
    return Facts(
        now=instant(clock.time()),
        servers={role.value: _server(connections, role, inbox) for role in DATABASES},
        inbox=found,
        database=_database(store, clock),
        breakers=_breakers(connections, inbox),
        before=_before(kept, found),
        quiet=Quiet() if kept is None else kept.quiet,
        gets=read_gets(connections, inbox.keys),
        online_before={} if kept is None else kept.online,
    )


def _before(kept: Kept | None, found: InboxFacts | Unreached) -> Sample | None:
    """The sample that rates are reckoned from."""
    if kept is None or kept.older is None or isinstance(found, Unreached):
        return None
    passed_ms = found.heard.now_ms - kept.older.at_ms
    return kept.older if passed_ms >= _LEAST_SAMPLE_S * 1000 else None


def sample_of(facts: Facts) -> Sample | None:
    """What is kept of a look, for the rates of later ones; None without an inbox."""
    if isinstance(facts.inbox, Unreached):
        return None
    servers = {r: state for r, state in facts.servers.items() if isinstance(state, ServerState)}
    return Sample(facts.inbox.heard.now_ms, servers, facts.inbox.state.counters, facts.gets)


def _server(connections: Connections, role: Role, inbox: Inbox) -> ServerState | Unreached:
    try:
        return read_server(connections, role, inbox.keys, inbox.clock)
    except (RedisError, OSError) as fault:
        return Unreached(f"{type(fault).__name__}: {fault}", refusal(fault) or "")


def _inbox(inbox: Inbox) -> InboxFacts | Unreached:
    try:
        state = overview(inbox)
        waits = any(area.backlog for area in state.areas)
        return InboxFacts(
            state,
            stuck_partitions(inbox, inbox.settings.partition_stuck_seconds),
            heard(inbox),
            longest_lines(inbox, _TOP) if waits else [],
        )
    except InboxUnavailable as fault:
        return Unreached(str(fault))


def _breakers(connections: Connections, inbox: Inbox) -> dict[str, str] | Unreached:
    policy = BreakerPolicy.of(inbox.settings)
    try:
        control = BreakerControl(connections.cache(), inbox.keys, policy)
        return {name: control.show(name).state for name in control.names((SHOPIFY,))}
    except (RedisError, OSError) as fault:
        return Unreached(type(fault).__name__)


def _database(store: Callable[[], Store], clock: Clock) -> Database | Unreached:
    try:
        return read_database(store(), clock)
    except SettingsInvalid as fault:
        return Unreached("; ".join(fault.faults), "correct DATABASE_URL")
    except StoreOutdated as fault:
        return Unreached(str(fault), UPGRADE)
    except StoreUnavailable as fault:
        return Unreached(str(fault), "see that it runs, and that DATABASE_URL is right")


def read_database(store: Store, clock: Clock) -> Database:
    """Raises StoreUnavailable, and StoreOutdated where a migration is missing."""
    require_schema(store)
    every = list(Shops(store, clock).every())
    installed = {shop.domain for shop in every if shop.status is Status.INSTALLED}
    audits = [one for one in audited(store) if one.shop in installed]
    requests = Ledger(store, clock).every(still_open=True)
    return Database(
        place=store.place,
        shops=dict(sorted(Counter(shop.status.value for shop in every).items())),
        in_trouble=[shop.domain for shop in every if shop.status in _IN_TROUBLE],
        refused=sum(len(one.found.refused) for one in audits),
        lacking=[one.shop for one in audits if one.found.refused],
        silent=[one.shop for one in audits if one.found.silent],
        open_requests=[f"{one.shop}/{one.id}" for one in requests],
        due_at=requests[0].due_at if requests else None,
    )
