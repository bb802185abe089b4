"""Whether a Redis or Valkey server can be used, and whether it has room for our connections.

Everything is read from INFO: CONFIG is not available on managed services such as ElastiCache.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import redis

from avnu.errors import UnsupportedServer
from avnu.settings import Durability, Settings

OLDEST_REDIS = (6, 2)
OLDEST_VALKEY = (8, 0)
FIRST_REDIS_WITH_WAITAOF = (7, 2)

# Sockets of Celery beside the pools, from kombu 5.7: a consuming channel has one for commands and
# one for BRPOP, remote control and events have a channel each, and a producer has two.
CONSUMER_SOCKETS = 6
SOCKETS_PER_PRODUCER = 2
PRODUCERS_PER_PROCESS = 10  # Celery's default broker_pool_limit
# Shells, exporters, Sentinels, replicas and a deploy's overlap of old and new processes.
SPARE_CONNECTIONS = 32


@dataclasses.dataclass(frozen=True)
class ServerFacts:
    """What a server says of itself. ``maxclients`` and ``maxmemory`` (bytes) are 0 if unknown."""

    product: str
    version: str
    policy: str
    maxmemory: int
    maxclients: int
    connected_clients: int
    append_only_file: bool
    role: str
    cluster: bool


def fault_and_todo(reason: str) -> tuple[str, str]:
    """A reason of UnsupportedServer as what is wrong and what to do; no pair: it is both."""
    fault, _, todo = reason.rpartition("; ")
    return fault or todo, todo


def check_server(
    client: redis.Redis,
    *,
    durability: Durability = Durability.MEMORY,
    cache: bool = False,
) -> ServerFacts:
    """The facts of a server that can be used; one round trip.

    ``cache=True`` is for a server that holds nothing but the cache: it may evict what it likes.
    Raises UnsupportedServer with every reason at once; redis-py's errors pass through.
    """
    answer: Any = client.info()
    facts = server_facts(answer)
    reasons = unfit(facts, durability=durability, cache=cache)
    if reasons:
        raise UnsupportedServer(reasons)
    return facts


def unfit(facts: ServerFacts, *, durability: Durability, cache: bool) -> list[str]:
    """Why a server cannot keep what Avnu promises; none: it can. Pure."""
    reasons = []
    if facts.cluster:
        reasons.append(
            "cluster mode is on, where queue and inbox cannot be reached by one script; use one "
            "primary with replicas, watched by Sentinel or a managed failover"
        )
    if _too_old(facts):
        reasons.append(
            f"{facts.product} {facts.version} is too old; use Redis 6.2 to 8 or Valkey 8 to 9"
        )
    if facts.policy.startswith("allkeys-") and not cache:
        reasons.append(
            f"maxmemory-policy {facts.policy} may evict webhooks; set noeviction or volatile-ttl"
        )
    if durability is Durability.FSYNC:
        reasons += _fsync_faults(facts)
    return reasons


def maxclients_needed(settings: Settings, *, receivers: int = 1, workers: int = 1) -> int:
    """The most connections one server may see from ``receivers`` and ``workers`` processes.

    A pool grows to REDIS_POOL_SIZE and no further. A receiver has two pools, the inbox's for
    asyncio and for threads. A worker is its main process and QUEUE_CONCURRENCY children, each with
    the pools of four roles and Celery's producers; the main process also consumes. Beat counts as
    one process more. All roles count as if on one server:

        receivers × 2 × POOL
        + (workers × (1 + QUEUE_CONCURRENCY) + 1) × (4 × POOL + 2 × producers)
        + workers × 6 + 32 spare
    """
    pool = settings.redis_pool_size
    processes = workers * (1 + settings.queue_concurrency) + 1
    per_process = 4 * pool + SOCKETS_PER_PRODUCER * PRODUCERS_PER_PROCESS
    return (
        receivers * 2 * pool
        + processes * per_process
        + workers * CONSUMER_SOCKETS
        + SPARE_CONNECTIONS
    )


def connections_fault(maxclients: int, needed: int) -> str | None:
    """One line with what to do when the server allows fewer than ``needed``, else None.

    0: it does not say how many it allows, and nothing is said of it.
    """
    if not maxclients or maxclients >= needed:
        return None
    return (
        f"maxclients is {maxclients}, but up to {needed} connections may be opened; "
        "raise maxclients, or lower REDIS_POOL_SIZE or QUEUE_CONCURRENCY"
    )


def server_facts(info: Mapping[str, Any]) -> ServerFacts:
    """The facts in an answer to INFO, as redis-py parses it."""
    # Valkey reports a redis_version of 7.2.4 whatever its own version is.
    valkey = info.get("server_name") == "valkey" or "valkey_version" in info
    return ServerFacts(
        product="Valkey" if valkey else "Redis",
        version=str(info["valkey_version"] if valkey else info["redis_version"]),
        policy=str(info.get("maxmemory_policy", "")),
        maxmemory=int(info.get("maxmemory", 0)),
        maxclients=int(info.get("maxclients", 0)),
        connected_clients=int(info.get("connected_clients", 0)),
        append_only_file=str(info.get("aof_enabled", 0)) == "1",
        role=str(info.get("role", "")),
        cluster=str(info.get("cluster_enabled", 0)) == "1",
    )


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())


def _too_old(facts: ServerFacts) -> bool:
    oldest = OLDEST_VALKEY if facts.product == "Valkey" else OLDEST_REDIS
    return _number(facts.version) < oldest


def _fsync_faults(facts: ServerFacts) -> list[str]:
    faults = []
    if facts.product == "Redis" and _number(facts.version) < FIRST_REDIS_WITH_WAITAOF:
        faults.append(
            f"INBOX_DURABILITY=fsync needs WAITAOF, which Redis {facts.version} lacks; use Redis "
            "7.2 or later, Valkey, or another INBOX_DURABILITY"
        )
    if not facts.append_only_file:
        faults.append(
            "INBOX_DURABILITY=fsync needs the append-only file; set appendonly yes on the server"
        )
    return faults
