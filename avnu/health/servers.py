"""What a Redis server says of itself, from INFO alone: CONFIG is refused on managed services."""

from typing import Any

import msgspec
import redis
from redis.exceptions import RedisError

from avnu.clock import Clock
from avnu.connection_options import Role, on_own_server
from avnu.connections import Connections
from avnu.keys import Keys
from avnu.settings import Settings

# Not ENTRIES: the cache's database once more, with shorter limits.
ROLES = (Role.INBOX, Role.QUEUE, Role.CACHE)

_PROBE_TTL_S = 60
_SAVING = ("rdb_last_bgsave_status", "aof_last_write_status", "aof_last_bgrewrite_status")


class ServerState(msgspec.Struct, frozen=True, kw_only=True):
    """One server at one moment, in bytes and seconds. ``keys`` and ``expiring`` are the database's.

    Of a server that is a replica ``link_up`` says whether it hears its primary.
    """

    ping_s: float
    write_s: float  # SET and GET of a small key; 0 when it could not be written
    write_fault: str
    run_id: str
    uptime_s: int
    role: str
    cpu_s: float  # of the main thread since the server started, where that is told
    memory_used: int
    memory_max: int
    policy: str
    clients: int
    clients_max: int
    rejected: int  # connections, for want of room
    evicted: int
    hits: int
    misses: int
    errors: dict[str, int]  # by their first word: OOM, READONLY, …
    replicas: int
    link_up: bool
    persistence_ok: bool
    append_only: bool
    loading: bool
    keys: int
    expiring: int


def client_of(connections: Connections, role: Role) -> "redis.Redis":
    """The client of one role."""
    clients = {
        Role.INBOX: connections.inbox,
        Role.QUEUE: connections.queue,
        Role.CACHE: connections.cache,
    }
    return clients[role]()


def policy_fits(settings: Settings, role: Role, policy: str) -> bool:
    """False where the server may evict what is not in its role to lose."""
    return not policy.startswith("allkeys-") or on_own_server(settings, role)


def read_server(client: "redis.Redis", names: Keys, clock: Clock) -> ServerState:
    """Read INFO, and time a PING, a SET and a GET. Raises what redis-py raises."""
    sending: Any = client
    info: dict[str, Any] = sending.info()
    database = info.get(f"db{sending.connection_pool.connection_kwargs.get('db', 0)}", {})
    ping_s = _timed(clock, sending.ping)
    write_s, write_fault = _write(sending, names.of("probe", ":health"), clock)
    return ServerState(
        ping_s=ping_s,
        write_s=write_s,
        write_fault=write_fault,
        run_id=str(info.get("run_id", "")),
        uptime_s=int(info.get("uptime_in_seconds", 0)),
        role=str(info.get("role", "")),
        cpu_s=_cpu_s(info),
        memory_used=int(info.get("used_memory", 0)),
        memory_max=int(info.get("maxmemory", 0)),
        policy=str(info.get("maxmemory_policy", "")),
        clients=int(info.get("connected_clients", 0)),
        clients_max=int(info.get("maxclients", 0)),
        rejected=int(info.get("rejected_connections", 0)),
        evicted=int(info.get("evicted_keys", 0)),
        hits=int(info.get("keyspace_hits", 0)),
        misses=int(info.get("keyspace_misses", 0)),
        errors=_errors(info),
        replicas=int(info.get("connected_slaves", 0)),
        link_up=info.get("master_link_status", "up") == "up",
        persistence_ok=all(info.get(name, "ok") == "ok" for name in _SAVING),
        append_only=str(info.get("aof_enabled", 0)) == "1",
        loading=str(info.get("loading", 0)) == "1",
        keys=int(database.get("keys", 0)),
        expiring=int(database.get("expires", 0)),
    )


def _timed(clock: Clock, do: Any) -> float:
    began_s = clock.monotonic()
    do()
    return clock.monotonic() - began_s


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


def _errors(info: dict[str, Any]) -> dict[str, int]:
    prefix = "errorstat_"
    return {
        name.removeprefix(prefix): int(value["count"])
        for name, value in info.items()
        if name.startswith(prefix) and isinstance(value, dict) and "count" in value
    }
