"""What is said of the servers. Pure: facts and settings in, checks out.

Inbox and queue are on one server, and the cache may be: a server is told of once, a database's
answers by role.
"""

from collections.abc import Iterator

from avnu.connection_options import DATABASES, Role, database, on_own_server
from avnu.health.check import Check, failed, ok, warning
from avnu.health.copies import online_of_late, persistence_check, replication_check
from avnu.health.facts import Facts, Unreached
from avnu.health.servers import ServerState
from avnu.server_check import fault_and_todo
from avnu.settings import Settings

_WHY = {
    Role.INBOX: "no webhook can be kept: the receiver answers 503",
    Role.QUEUE: "workers cannot be woken",
    Role.CACHE: "follow-up calls to Shopify become slow and many",
}
# Errors that say that something cannot be done, not that a client asked for nonsense.
_GRAVE = ("OOM", "READONLY", "MISCONF", "NOREPLICAS", "LOADING", "BUSY", "NOPERM", "WRONGPASS")
# A script is sent again at once; that many are a server that keeps losing them.
_NOSCRIPT_MOST = 100
_LEAST_READS = 1000
_LEAST_EVICTABLE = 0.1
_MIB = 2**20


def server_checks(facts: Facts, settings: Settings) -> Iterator[Check]:
    """Reach and speed of each role; memory, load and the rest of each server."""
    for role in DATABASES:
        state = facts.servers[role.value]
        yield _answers(settings, role, state)
        if isinstance(state, Unreached):
            continue
        if role is Role.INBOX or on_own_server(settings, role):
            yield from _One(facts, settings, role, state).checks()
    if not on_own_server(settings, Role.CACHE):
        yield from _gets(facts, settings)


def _answers(settings: Settings, role: Role, state: ServerState | Unreached) -> Check:
    name = f"{role.value} database {database(settings, role)}"
    if isinstance(state, Unreached):
        return failed(
            name, state.why, _WHY[role],
            state.todo
            or "check that Redis is up, and REDIS_* in the settings: host, port, password, TLS",
        )  # fmt: skip
    if state.write_fault:
        return failed(
            name, f"it answers, and refuses to write: {state.write_fault}", _WHY[role],
            "is it full, a replica, or out of disk? INFO tells: avnu redis",
        )  # fmt: skip
    found = f"PING took {1000 * state.ping_s:.1f} ms, SET and GET {1000 * state.write_s:.1f} ms"
    if 1000 * state.slowest_s <= settings.monitor_redis_ms:
        return ok(name, found)
    return warning(
        name, found, "each webhook waits that long for every step",
        "look for slow commands (avnu redis), a busy machine, swapping, or a far network",
    )  # fmt: skip


class _One:
    """The checks of one server. Of the cache's own, each name says so."""

    def __init__(self, facts: Facts, settings: Settings, role: Role, state: ServerState) -> None:
        self._settings = settings
        self._state = state
        self._told = state.glance
        self._cache = role is Role.CACHE
        earlier = facts.before.servers.get(role.value) if facts.before else None
        self._before = earlier if earlier and state.goes_on_from(earlier) else None
        self._passed_s = _passed_s(facts)
        self._online = facts.online_before.get(role.value, ())
        if not isinstance(facts.inbox, Unreached):
            now_ms = facts.inbox.heard.now_ms
            self._online = online_of_late(facts.online_before, role.value, now_ms)

    def checks(self) -> Iterator[Check]:
        """All of them; those of rates only where there is something to compare with."""
        yield self._fitness()
        yield self._memory()
        yield self._connections()
        yield self._persistence()
        yield self._replication()
        if self._before is not None and self._passed_s > 0:
            yield self._cpu(self._before)
            yield self._evictions(self._before)
            yield self._errors(self._before)
            if self._cache:
                yield self._hits(self._before)

    def _name(self, what: str) -> str:
        return f"{what} of the cache server" if self._cache else what

    def _fitness(self) -> Check:
        """Version, policy, cluster mode: what is refused at start, and may change later."""
        name, told = self._name("server"), self._told
        if not self._state.unfit:
            return ok(name, f"{told.product} {told.version}, {told.server_role}, {told.policy}")
        parts = [fault_and_todo(reason) for reason in self._state.unfit]
        # One finding, as a name is one state in /metrics and one line in the log.
        return failed(
            name, "; ".join(what for what, _ in parts),
            "it cannot keep what Avnu promises",
            "; ".join(dict.fromkeys(todo for _, todo in parts)),
        )  # fmt: skip

    def _memory(self) -> Check:
        name, told = self._name("memory"), self._told
        if not told.memory_max_bytes:
            return warning(
                name, "maxmemory is not set",
                "a flood ends with the system killing Redis instead of 503 and a backlog that "
                "drains",
                "set maxmemory on the server below what the machine has",
            )  # fmt: skip
        percent = 100 * told.memory_used_bytes / told.memory_max_bytes
        stops = "" if self._cache else f", accept stops at {self._settings.inbox_full_percent} %"
        found = f"{percent:.0f} % of maxmemory {told.memory_max_bytes / _MIB:,.0f} MiB{stops}"
        if self._cache and told.policy != "noeviction":
            return ok(name, f"{found}, {told.policy}")  # it fills its server by design, and evicts
        if percent < self._settings.monitor_memory_percent:
            return ok(name, found)
        if self._cache:
            return warning(
                name, f"{found}, noeviction", "when it is full, nothing new is cached",
                "set maxmemory-policy volatile-lru on it, or raise maxmemory",
            )  # fmt: skip
        evictable = told.expiring / told.keys if told.keys else 0.0
        if told.policy.startswith("volatile-") and evictable < _LEAST_EVICTABLE:
            found += f"; {100 * evictable:.0f} % of the inbox's keys can be evicted"
        return warning(
            name, found, "what is new is answered 503 when it is full",
            "let the backlog drain (more workers), look for what grows (avnu redis), or raise "
            "maxmemory",
        )  # fmt: skip

    def _connections(self) -> Check:
        name, told = self._name("connections"), self._told
        found = f"{told.clients:,} of {told.clients_max or 'unknown'}"
        refused = self._state.rejected - self._before.rejected if self._before else 0
        if refused > 0:
            return failed(
                name, f"{found}; {refused:,} were refused", "processes stand still without one",
                "raise maxclients, or lower REDIS_POOL_SIZE or QUEUE_CONCURRENCY",
            )  # fmt: skip
        if told.clients * 100 < told.clients_max * self._settings.monitor_clients_percent:
            return ok(name, found)
        if not told.clients_max:
            return ok(name, found)
        return warning(
            name, found, "the next processes of a deploy may be refused",
            "raise maxclients, or look who holds them: CLIENT LIST",
        )  # fmt: skip

    def _persistence(self) -> Check:
        name = self._name("persistence")
        if self._cache:
            return ok(name, self._told.persistence)
        return persistence_check(name, self._state, self._settings)

    def _replication(self) -> Check:
        name = self._name("replication")
        return replication_check(
            name, self._told, len(self._online), self._settings, cache=self._cache
        )

    def _cpu(self, before: ServerState) -> Check:
        percent = 100 * (self._state.cpu_s - before.cpu_s) / self._passed_s
        name, found = self._name("cpu"), f"{percent:.0f} % of its main thread"
        if percent < self._settings.monitor_cpu_percent:
            return ok(name, found)
        return warning(
            name, found, "commands wait for each other, and answers become slow",
            "look for slow commands (avnu redis), or give the cache a server of its own",
        )  # fmt: skip

    def _evictions(self, before: ServerState) -> Check:
        name = self._name("evictions")
        evicted = self._told.evicted - before.glance.evicted
        if not evicted or self._cache:
            return ok(name, f"{evicted:,} keys in {self._passed_s:.0f} s")
        return warning(
            name, f"{evicted:,} keys in {self._passed_s:.0f} s",
            "known ids and replay guards may go: a webhook delivered again would run again",
            "raise maxmemory, or give the cache a server of its own (REDIS_CACHE_HOST)",
        )  # fmt: skip

    def _errors(self, before: ServerState) -> Check:
        name = self._name("errors")
        new = {
            error: n - before.glance.errors.get(error, 0) for error, n in self._told.errors.items()
        }
        grave = {error: new[error] for error in _GRAVE if new.get(error, 0) > 0}
        if new.get("NOSCRIPT", 0) > _NOSCRIPT_MOST:
            grave["NOSCRIPT"] = new["NOSCRIPT"]
        if not grave:
            return ok(name, f"none that matters in {self._passed_s:.0f} s")
        return warning(
            name, ", ".join(f"{error} {n:,}" for error, n in grave.items()),
            "the server has refused what was asked of it",
            "OOM: memory; READONLY: a failover; MISCONF: the disk; NOPERM, WRONGPASS: the users",
        )  # fmt: skip

    def _hits(self, before: ServerState) -> Check:
        hits = self._told.hits - before.glance.hits
        reads = hits + self._told.misses - before.glance.misses
        return _hits(self._name("hits"), hits, reads, self._passed_s, self._settings)


def _gets(facts: Facts, settings: Settings) -> Iterator[Check]:
    """The cache's hits by its own counters, where the server's are of inbox and queue too."""
    before, now = facts.before, facts.gets
    if before is None or before.gets is None or now is None:
        return
    asked, saved = now.asked - before.gets.asked, now.saved - before.gets.saved
    passed_s = _passed_s(facts)
    # They live in the cache's database: where it was emptied, they began anew.
    if passed_s > 0 and 0 <= saved <= asked:
        yield _hits("hits", saved, asked, passed_s, settings)


def _hits(name: str, hits: int, reads: int, passed_s: float, settings: Settings) -> Check:
    if reads < _LEAST_READS:
        return ok(name, f"{reads:,} reads in {passed_s:.0f} s")
    found = f"{100 * hits / reads:.0f} % of {reads:,} reads"
    if 100 * hits >= settings.monitor_hit_percent * reads:
        return ok(name, found)
    return warning(
        name, found, "Shopify is asked for what was known before",
        "is it new or was it emptied? is it too small (evictions)? avnu cache stats",
    )  # fmt: skip


def _passed_s(facts: Facts) -> float:
    """Since the sample; 0 without one."""
    if facts.before is None or isinstance(facts.inbox, Unreached):
        return 0.0
    return (facts.inbox.heard.now_ms - facts.before.at_ms) / 1000
