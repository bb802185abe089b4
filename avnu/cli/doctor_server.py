"""The part of ``avnu doctor`` about servers that takes a look from here: room, and their clocks."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from redis.exceptions import RedisError

from avnu.clock import Clock
from avnu.connection_options import Role, on_own_server
from avnu.connections import Connections
from avnu.health.check import Check, failed, ok, warning
from avnu.health.facts import Facts, Unreached
from avnu.server_check import connections_fault, fault_and_todo, maxclients_needed
from avnu.servers.glance import Glance
from avnu.settings import Settings

# Ages and times are the server's, so a host whose clock differs reads them wrongly.
_CLOCKS_APART_S = 5.0


def capacity_checks(
    settings: Settings, connections: Connections, facts: Facts, clock: Clock
) -> Iterator[Check]:
    """Room for all connections that may come, and the clock, of each server that answers."""
    for role in (Role.INBOX, Role.CACHE):
        if role is Role.CACHE and not on_own_server(settings, role):
            continue
        state = facts.servers[role.value]
        if isinstance(state, Unreached):
            continue  # said by the monitor's checks
        yield _connections(settings, state.glance, _NAMES[role])
        client: Any = connections.of(role)
        with suppress(RedisError, OSError):  # it has just answered, so this is a moment's
            yield _clock(client.time(), clock, _NAMES[role])


_NAMES = {Role.INBOX: "server", Role.CACHE: "cache server"}


def _connections(settings: Settings, told: Glance, server: str) -> Check:
    name = f"connections of the {server}"
    fault = connections_fault(told.clients_max, maxclients_needed(settings))
    if fault:
        what, todo = fault_and_todo(fault)
        return failed(name, what, "processes are refused when the system is busiest", todo)
    return ok(name, f"{told.clients} now, at most {told.clients_max or 'unknown'}")


def _clock(server: tuple[int, int], clock: Clock, named: str) -> Check:
    name = f"clock of the {named}"
    apart_s = clock.time() - (server[0] + server[1] / 1e6)
    found = f"{abs(apart_s):.1f} s {'behind' if apart_s > 0 else 'ahead of'} this host"
    if abs(apart_s) <= _CLOCKS_APART_S:
        return ok(name, found)
    return warning(
        name, found, "times in lists and logs do not fit together",
        "let both hosts take their time from NTP",
    )  # fmt: skip
