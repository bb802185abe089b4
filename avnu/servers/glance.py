"""One server at a glance, read out of its answer to INFO. Pure: nothing is asked here."""

from collections.abc import Mapping
from typing import Any

import msgspec

from avnu.server_check import server_facts

_ERROR = "errorstat_"


class Replica(msgspec.Struct, frozen=True):
    """A replica as its primary sees it; ``lag_s`` since it was last heard of."""

    address: str
    state: str
    lag_s: int


class Glance(msgspec.Struct, frozen=True):
    """What INFO says, in base units. 0 where the server does not say, or sets no limit.

    Counters (hits, evicted …) are since the server's start. ``ops_per_s`` is the server's own
    average of the last moments. ``keys``, and how many of them expire, are of one database.
    """

    product: str
    version: str
    server_role: str  # "primary" or "replica"
    uptime_s: int
    memory_used_bytes: int
    memory_max_bytes: int
    policy: str
    clients: int
    clients_max: int
    clients_blocked: int
    ops_per_s: int
    hits: int
    misses: int
    hit_percent: float | None  # None: nothing was looked up yet
    evicted: int
    expired: int
    persistence: str
    persistence_ok: bool
    replicas: list[Replica]
    link_ok: bool | None  # of a replica to its primary; None for a primary
    errors: dict[str, int]  # error replies by kind, e.g. "OOM"
    keys: int
    expiring: int

    @property
    def online(self) -> list[Replica]:
        """Those that follow; one that is still being sent the whole data is no copy yet."""
        return [one for one in self.replicas if one.state == "online"]


def glance(info: Mapping[str, Any], database: int) -> Glance:
    """``info`` is INFO as redis-py parses it; sections that a server leaves out read as 0."""

    def n(name: str) -> int:
        return int(info.get(name, 0))

    facts = server_facts(info)
    space = info.get(f"db{database}", {})
    looked_up = n("keyspace_hits") + n("keyspace_misses")
    persistence, healthy = _persistence(info)
    primary = facts.role != "slave"
    return Glance(
        product=facts.product,
        version=facts.version,
        server_role="primary" if primary else "replica",
        uptime_s=n("uptime_in_seconds"),
        memory_used_bytes=n("used_memory"),
        memory_max_bytes=facts.maxmemory,
        policy=facts.policy,
        clients=facts.connected_clients,
        clients_max=facts.maxclients,
        clients_blocked=n("blocked_clients"),
        ops_per_s=n("instantaneous_ops_per_sec"),
        hits=n("keyspace_hits"),
        misses=n("keyspace_misses"),
        hit_percent=100 * n("keyspace_hits") / looked_up if looked_up else None,
        evicted=n("evicted_keys"),
        expired=n("expired_keys"),
        persistence=persistence,
        persistence_ok=healthy,
        replicas=_replicas(info),
        link_ok=None if primary else info.get("master_link_status") == "up",
        errors=_errors(info),
        keys=int(space.get("keys", 0)),
        expiring=int(space.get("expires", 0)),
    )


def _persistence(info: Mapping[str, Any]) -> tuple[str, bool]:
    """What is written to the disk, and whether the last writing went well."""
    kept = []
    if str(info.get("aof_enabled", 0)) == "1":
        kept.append("append-only file")
        healthy = info.get("aof_last_write_status", "ok") == "ok"
        healthy &= info.get("aof_last_bgrewrite_status", "ok") == "ok"
    else:
        # Only here: beside an append-only file it is a backup's, and stays until the next backup.
        healthy = info.get("rdb_last_bgsave_status", "ok") == "ok"
    # Whether snapshots are configured is not in INFO; that one was taken since the start is.
    if int(info.get("rdb_last_bgsave_time_sec", -1)) >= 0:
        kept.append("snapshots")
    if str(info.get("loading", 0)) == "1":
        kept.append("loading now")
    return ", ".join(kept) or "none", healthy


def _replicas(info: Mapping[str, Any]) -> list[Replica]:
    found = (info.get(f"slave{n}") for n in range(int(info.get("connected_slaves", 0))))
    return [
        Replica(
            f"{one.get('ip', '')}:{one.get('port', '')}",
            str(one.get("state", "")),
            int(one.get("lag", 0)),
        )
        for one in found
        if isinstance(one, Mapping)
    ]


def _errors(info: Mapping[str, Any]) -> dict[str, int]:
    counted = {
        name.removeprefix(_ERROR): int(value["count"])
        for name, value in info.items()
        if name.startswith(_ERROR) and isinstance(value, Mapping)
    }
    return dict(sorted(counted.items(), key=lambda one: -one[1]))
