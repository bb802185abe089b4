"""The part of ``avnu doctor`` that looks at servers and databases."""

import secrets
from collections.abc import Iterator
from typing import Any

import redis
from redis.exceptions import RedisError

from avnu.cli.check import Check, failed, ok, warning
from avnu.clock import Clock
from avnu.connection_options import Role, database, on_own_server
from avnu.connections import Connections, ServerFacts, connections_fault, maxclients_needed
from avnu.errors import UnsupportedServer
from avnu.keys import Keys
from avnu.server_check import check_server
from avnu.settings import Durability, Settings

# Ages and times are the server's, so a host whose clock differs reads them wrongly.
_CLOCKS_APART_S = 5.0
_PROBE_TTL_S = 60


def role_check(settings: Settings, connections: Connections, role: Role, clock: Clock) -> Check:
    """PING, then write, read and delete a key in the database of one role."""
    name = f"{role.value} database {database(settings, role)}"
    client = _client(connections, role)
    key = Keys(settings.avnu_namespace).of("probe", f":doctor:{secrets.token_hex(4)}")
    began = clock.monotonic()
    try:
        client.ping()
        client.set(key, b"1", ex=_PROBE_TTL_S)
        kept, deleted = client.get(key), client.delete(key)
    except (RedisError, OSError) as fault:
        return failed(
            name, f"{type(fault).__name__}: {fault}", _WHY[role],
            "check that Redis is up, and REDIS_* in the settings: host, port, password, TLS",
        )  # fmt: skip
    if kept != b"1" or deleted != 1:
        return failed(
            name, "a key that was just written could not be read", _WHY[role],
            "is it a replica, or a proxy in between? Avnu needs the primary",
        )  # fmt: skip
    took_ms = 1000 * (clock.monotonic() - began)
    return ok(name, f"ping, write, read and delete took {took_ms:.1f} ms")


_WHY = {
    Role.INBOX: "no webhook can be kept: the receiver answers 503",
    Role.QUEUE: "workers cannot be woken",
    Role.CACHE: "follow-up calls to Shopify become slow and many",
}


def server_checks(
    settings: Settings, connections: Connections, reached: set[Role], clock: Clock
) -> Iterator[Check]:
    """Version, policy, persistence, memory, connections and clock of each server once."""
    if Role.INBOX in reached:
        yield from _one_server(settings, connections, Role.INBOX, clock)
    if Role.CACHE in reached and on_own_server(settings, Role.CACHE):
        yield from _one_server(settings, connections, Role.CACHE, clock)


def _one_server(
    settings: Settings, connections: Connections, role: Role, clock: Clock
) -> Iterator[Check]:
    cache = role is Role.CACHE
    name = "cache server" if cache else "server"
    client = _client(connections, role)
    try:
        facts = check_server(
            client,
            durability=Durability.MEMORY if cache else settings.inbox_durability,
            cache=cache,
        )
    except UnsupportedServer as fault:
        for reason in fault.reasons:
            what, _, todo = reason.rpartition("; ")
            yield failed(name, what or reason, "it cannot keep what Avnu promises", todo)
        return
    except (RedisError, OSError) as fault:
        yield failed(name, f"{type(fault).__name__}: {fault}", _WHY[role], "see the checks above")
        return
    yield ok(name, f"{facts.product} {facts.version}, {facts.role}, {facts.policy}")
    if not cache:
        yield _persistence(settings, facts)
        yield _memory(settings, facts)
    yield _connections(settings, facts, name)
    yield _clock(client, clock, name)


def _persistence(settings: Settings, facts: ServerFacts) -> Check:
    promise = f"INBOX_DURABILITY={settings.inbox_durability}"
    if facts.append_only_file:
        return ok("persistence", f"append-only file, {promise}")
    return warning(
        "persistence",
        f"no append-only file, {promise}",
        "what was acknowledged since the last snapshot is lost when the server crashes",
        "set appendonly yes on the server, or rely on replicas knowingly",
    )


def _memory(settings: Settings, facts: ServerFacts) -> Check:
    if facts.maxmemory:
        share = f"accept stops at {settings.inbox_full_percent} %"
        return ok("memory", f"maxmemory {facts.maxmemory / 2**20:,.0f} MiB, {share}")
    return warning(
        "memory",
        "maxmemory is not set",
        "a flood ends with the system killing Redis instead of 503 and a backlog that drains",
        "set maxmemory on the server below what the machine has",
    )


def _connections(settings: Settings, facts: ServerFacts, server: str) -> Check:
    name = f"connections of the {server}"
    fault = connections_fault(facts, maxclients_needed(settings))
    if fault:
        what, _, todo = fault.rpartition("; ")
        return failed(name, what, "processes are refused when the system is busiest", todo)
    return ok(name, f"{facts.connected_clients} now, at most {facts.maxclients or 'unknown'}")


def _clock(client: "redis.Redis", clock: Clock, server: str) -> Check:
    name = f"clock of the {server}"
    try:
        answer: Any = client.time()
    except (RedisError, OSError) as fault:
        return failed(name, f"{type(fault).__name__}: {fault}", "times are unknown", "see above")
    apart_s = clock.time() - (answer[0] + answer[1] / 1e6)
    found = f"{abs(apart_s):.1f} s {'behind' if apart_s > 0 else 'ahead of'} this host"
    if abs(apart_s) <= _CLOCKS_APART_S:
        return ok(name, found)
    return warning(
        name, found, "times in lists and logs do not fit together",
        "let both hosts take their time from NTP",
    )  # fmt: skip


def _client(connections: Connections, role: Role) -> "redis.Redis":
    clients = {
        Role.INBOX: connections.inbox,
        Role.QUEUE: connections.queue,
        Role.CACHE: connections.cache,
    }
    return clients[role]()
