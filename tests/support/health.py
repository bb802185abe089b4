"""Made-up facts for the monitor: all is well, but for what a test says."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from avnu.health.facts import Database, Facts, InboxFacts, Sample, Unreached
from avnu.health.hearing import Heard
from avnu.health.servers import ServerState
from avnu.inbox.overview import AreaState, Overview
from avnu.servers.glance import glance

NOW = datetime(2026, 11, 26, tzinfo=UTC)
NOW_MS = 1_790_000_000_000
INFO: Mapping[str, Any] = {
    "redis_version": "7.4.0", "role": "master", "used_memory": 100, "maxmemory": 1000,
    "maxmemory_policy": "noeviction", "connected_clients": 10, "maxclients": 100,
    "aof_enabled": 1, "run_id": "a",
}  # fmt: skip


def server(**told: Any) -> ServerState:
    """A server that is well, but for what is told of its INFO or its state."""
    state = {name: told.pop(name) for name in list(told) if name in ServerState.__struct_fields__}
    calm: dict[str, Any] = {
        "ping_s": 0.001, "write_s": 0.002, "write_fault": "", "run_id": "a", "cpu_s": 100.0,
        "rejected": 0, "append_only": True,
    }  # fmt: skip
    return ServerState(glance=glance({**INFO, **told}, 2), **{**calm, **state})


def replica(number: int, **told: Any) -> dict[str, Any]:
    """What INFO says of one replica, as the first, second, third …"""
    return {
        f"slave{number}": {
            "ip": f"10.0.0.{number}", "port": 6379, "state": "online", "lag": 0, **told
        }
    }  # fmt: skip


def area(**told: Any) -> AreaState:
    calm = AreaState("orders", 0, 0, 0, 0.0, 0, 0, 0, 0, 0, {})
    return msgspec.structs.replace(calm, **told)


def inbox(*areas: AreaState, heard: Mapping[str, Any] | None = None, **told: Any) -> InboxFacts:
    state: dict[str, Any] = {
        "counters": {}, "received": {}, "missed": {}, "areas": list(areas), "solo": 0, "running": 0,
        "suspects": 0, "partitions_busy": 0, "full": False, "tick_age_s": 0.5, "workers": [],
        "paused": [], "parked_shops": {},
    }  # fmt: skip
    state |= {name: told.pop(name) for name in list(told) if name in state}
    ages: dict[str, Any] = {"received_s": 1.0, "beat_s": 5.0, "canary_s": 5.0, **(heard or {})}
    whole: dict[str, Any] = {"stuck": {}, "longest": [], **told}
    return InboxFacts(Overview(**state), heard=Heard(NOW_MS, **ages), **whole)


def database(**told: Any) -> Database:
    calm = Database("sqlite", {"installed": 3}, [], 0, [], [], [], None)
    return msgspec.structs.replace(calm, **told)


def facts(
    *,
    one: ServerState | Unreached | None = None,
    cache: ServerState | Unreached | None = None,
    before: Mapping[str, Any] | None = None,
    **told: Any,
) -> Facts:
    """``before``: what the sample of 100 s ago says: ``server``, ``cache``, ``counters``, ``gets``.

    ``online``: how many replicas of the inbox's server were online an hour ago.
    """
    one = one or server()
    servers = {"inbox": one, "queue": one, "cache": cache or one}
    earlier = None
    if before is not None:
        states = {
            "inbox": before.get("server", one), "cache": before.get("cache", servers["cache"]),
        }  # fmt: skip
        known = {role: state for role, state in states.items() if isinstance(state, ServerState)}
        earlier = Sample(NOW_MS - 100_000, known, before.get("counters", {}), before.get("gets"))
    return Facts(
        now=NOW,
        servers=servers,
        inbox=told.pop("inbox", inbox()),
        database=told.pop("database", database()),
        breakers=told.pop("breakers", {"shopify": "closed"}),
        before=earlier,
        online_before={"inbox": told.pop("online", 0) * [NOW_MS - 3_600_000]},
        **told,
    )
