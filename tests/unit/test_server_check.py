"""Which servers are refused, and the arithmetic of connections."""

from typing import Any, cast

import pytest
import redis

from avnu.errors import UnsupportedServer
from avnu.server_check import check_server, connections_fault, maxclients_needed
from avnu.settings import Durability, Settings

REDIS_7_0 = {
    "redis_version": "7.0.15",
    "redis_mode": "standalone",
    "maxmemory_policy": "noeviction",
    "maxmemory": 1000,
    "maxclients": 10000,
    "connected_clients": 3,
    "cluster_enabled": 0,
    "aof_enabled": 1,
    "role": "master",
}
VALKEY_9 = REDIS_7_0 | {
    "redis_version": "7.2.4",
    "server_name": "valkey",
    "valkey_version": "9.1.2",
}


class Answering:
    """Answers INFO with what a server of another version would say."""

    def __init__(self, info: dict[str, Any]) -> None:
        self._info = info

    def info(self) -> dict[str, Any]:
        return self._info


def says(info: dict[str, Any]) -> redis.Redis:
    return cast("redis.Redis", Answering(info))


def reasons(info: dict[str, Any], **options: Any) -> list[str]:
    with pytest.raises(UnsupportedServer) as caught:
        check_server(says(info), **options)
    return caught.value.reasons


@pytest.mark.parametrize("version", ["6.2.0", "7.0.15", "7.4.2", "8.2.3", "8.10.0"])
def test_redis_from_6_2_is_served(version: str) -> None:
    facts = check_server(says(REDIS_7_0 | {"redis_version": version}))
    assert (facts.product, facts.version) == ("Redis", version)


@pytest.mark.parametrize("version", ["8.0.0", "8.1.4", "9.1.2", "10.0.0"])
def test_valkey_from_8_is_served_whatever_redis_version_it_claims(version: str) -> None:
    facts = check_server(says(VALKEY_9 | {"valkey_version": version}))
    assert (facts.product, facts.version) == ("Valkey", version)


@pytest.mark.parametrize(
    "info",
    [
        REDIS_7_0 | {"redis_version": "6.0.20"},
        REDIS_7_0 | {"redis_version": "5.0.14"},
        VALKEY_9 | {"valkey_version": "7.2.9"},
    ],
)
def test_older_ones_are_refused(info: dict[str, Any]) -> None:
    (reason,) = reasons(info)
    assert "too old" in reason


@pytest.mark.parametrize("policy", ["noeviction", "volatile-lru", "volatile-ttl"])
def test_policies_that_spare_keys_without_ttl_pass(policy: str) -> None:
    assert check_server(says(REDIS_7_0 | {"maxmemory_policy": policy})).policy == policy


@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-lfu", "allkeys-random"])
def test_policies_that_evict_anything_pass_for_a_cache_alone(policy: str) -> None:
    info = REDIS_7_0 | {"maxmemory_policy": policy}
    (reason,) = reasons(info)
    assert policy in reason
    assert check_server(says(info), cache=True).policy == policy


def test_every_reason_is_told_at_once() -> None:
    info = {
        "redis_version": "5.0.0",
        "cluster_enabled": 1,
        "maxmemory_policy": "allkeys-lru",
        "aof_enabled": 0,
    }
    found = reasons(info, durability=Durability.FSYNC)
    for word, reason in zip(
        ["cluster", "too old", "allkeys-lru", "WAITAOF", "append-only"], found, strict=True
    ):
        assert word in reason
        assert ";" in reason


@pytest.mark.parametrize("version", ["7.2.0", "8.0.1"])
def test_fsync_passes_where_waitaof_is(version: str) -> None:
    check_server(says(REDIS_7_0 | {"redis_version": version}), durability=Durability.FSYNC)
    check_server(says(VALKEY_9), durability=Durability.FSYNC)


def test_fsync_is_refused_where_waitaof_or_the_file_is_missing() -> None:
    (reason,) = reasons(REDIS_7_0, durability=Durability.FSYNC)
    assert "WAITAOF" in reason
    (reason,) = reasons(VALKEY_9 | {"aof_enabled": 0}, durability=Durability.FSYNC)
    assert "appendonly yes" in reason
    check_server(says(REDIS_7_0), durability=Durability.REPLICA)


def test_the_arithmetic_of_connections() -> None:
    settings = Settings.load({"REDIS_POOL_SIZE": "4", "QUEUE_CONCURRENCY": "3"})
    # 2 receivers × 2 × 4, 2 workers × 4 processes and beat × (4 × 4 + 20), 2 consumers × 6, 32
    assert maxclients_needed(settings, receivers=2, workers=2) == 16 + 9 * 36 + 12 + 32


def test_too_few_connections_are_told_with_the_number_needed() -> None:
    fault = connections_fault(100, 101)
    assert fault is not None
    assert "101" in fault
    assert connections_fault(100, 100) is None


def test_an_unknown_limit_is_no_fault() -> None:
    info = {name: value for name, value in REDIS_7_0.items() if name != "maxclients"}
    assert connections_fault(check_server(says(info)).maxclients, 10**6) is None
