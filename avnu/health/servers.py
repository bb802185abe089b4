"""What is read of the servers, by role. From INFO: CONFIG is refused on managed services."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from redis.exceptions import RedisError

from avnu.clock import Clock
from avnu.connection_options import Role, database, on_own_server
from avnu.connections import Connections
from avnu.keys import Keys
from avnu.server_check import server_facts, unfit
from avnu.servers.glance import Glance, glance
from avnu.settings import Durability, Settings

_PROBE_TTL_S = 60
_TIMES = 3


class ServerState(msgspec.Struct, frozen=True, kw_only=True):
    """One server at one moment. ``cpu_s`` and ``rejected`` are since its start."""

    glance: Glance  # its keys are those of the role's database
    ping_s: float
    write_s: float  # SET and GET of a small key; 0 when it could not be written
    write_fault: str
    run_id: str
    cpu_s: float  # of the thread that runs the commands, where that is told
    rejected: int  # connections, for want of room
    append_only: bool
    unfit: Sequence[str] = ()  # why it cannot keep what Avnu promises

    @property
    def slowest_s(self) -> float:
        """The slower of PING, and of SET and GET."""
        return max(self.ping_s, self.write_s)

    def goes_on_from(self, earlier: "ServerState") -> bool:
        """Whether its counters can be compared with these: one may have begun anew.

        At a restart, which gives another ``run_id``, or by CONFIG RESETSTAT, which does not.
        """
        now, then = self.glance, earlier.glance
        return (
            self.run_id == earlier.run_id
            and self.cpu_s >= earlier.cpu_s
            and self.rejected >= earlier.rejected
            and now.hits >= then.hits
            and now.misses >= then.misses
            and now.evicted >= then.evicted
            and all(now.errors.get(error, 0) >= n for error, n in then.errors.items())
        )


def policy_fits(settings: Settings, role: Role, policy: str) -> bool:
    """False where the server may evict what is not in its role to lose."""
    return not policy.startswith("allkeys-") or on_own_server(settings, role)


def read_server(connections: Connections, role: Role, names: Keys, clock: Clock) -> ServerState:
    """Read INFO, and time a PING, a SET and a GET. Raises what redis-py raises."""
    client: Any = connections.of(role)
    info: dict[str, Any] = client.info()
    ping_s = _timed(clock, client.ping)
    write_s, write_fault = _write(client, names.of("probe", ":health"), clock)
    return ServerState(
        glance=glance(info, database(connections.settings, role)),
        ping_s=ping_s,
        write_s=write_s,
        write_fault=write_fault,
        run_id=str(info.get("run_id", "")),
        cpu_s=_cpu_s(info),
        rejected=int(info.get("rejected_connections", 0)),
        append_only=str(info.get("aof_enabled", 0)) == "1",
        unfit=_unfit(connections.settings, role, info),
    )


def _unfit(settings: Settings, role: Role, info: dict[str, Any]) -> Sequence[str]:
    cache = on_own_server(settings, role)
    durability = Durability.MEMORY if cache else settings.inbox_durability
    return unfit(server_facts(info), durability=durability, cache=cache)


def _timed(clock: Clock, do: Callable[[], object]) -> float:
    """The quickest of a few: what is slow each time is slow, and a busy moment is none."""
    took_s = math.inf
    for _ in range(_TIMES):
        began_s = clock.monotonic()
        do()
        took_s = min(took_s, clock.monotonic() - began_s)
    return took_s


def _write(client: Any, key: str, clock: Clock) -> tuple[float, str]:
    """How long a SET and a GET take together; a server that refuses them is still to be read."""
    try:
        took_s = _timed(clock, lambda: (client.set(key, b"1", ex=_PROBE_TTL_S), client.get(key)))
        client.delete(key)
    except RedisError as fault:
        return 0.0, f"{type(fault).__name__}: {fault}"
    return took_s, ""


def _cpu_s(info: dict[str, Any]) -> float:
    """The main thread's where it is told (Redis 6.2, Valkey): it alone runs the commands."""
    for suffix in ("_main_thread", ""):
        parts = [info.get(f"used_cpu_{kind}{suffix}") for kind in ("user", "sys")]
        if None not in parts:
            return sum(float(part) for part in parts if part is not None)
    return 0.0
