"""INFO, keys and slow logs as they are read, without a server."""

from typing import Any
from unittest.mock import Mock

import pytest

from avnu.cli.output import size
from avnu.clock import SystemClock
from avnu.connection_options import Role
from avnu.connections import Connections
from avnu.health.servers import read_server
from avnu.keys import TABLES, Keys
from avnu.servers.families import FOREIGN, OTHER, Naming, Seen
from avnu.servers.glance import Replica, glance
from avnu.servers.sampling import big, families
from avnu.servers.slow import slow_log
from avnu.settings import Settings

# What a managed Redis 6.2 answers, as redis-py parses it, cut to what is read.
OLD: dict[str, Any] = {
    "redis_version": "6.2.6", "role": "master", "uptime_in_seconds": 90,
    "used_memory": 800, "maxmemory": 1000, "maxmemory_policy": "noeviction",
    "connected_clients": 7, "blocked_clients": 2, "maxclients": 65000,
    "instantaneous_ops_per_sec": 12, "keyspace_hits": 3, "keyspace_misses": 1,
    "evicted_keys": 5, "expired_keys": 6, "aof_enabled": 0, "rdb_last_bgsave_status": "ok",
    "rdb_last_bgsave_time_sec": -1, "connected_slaves": 2,
    "slave0": {"ip": "10.0.0.2", "port": 6379, "state": "online", "offset": 1, "lag": 1},
    "slave1": {"ip": "10.0.0.3", "port": 6379, "state": "wait_bgsave", "offset": 0, "lag": 9},
    "errorstat_OOM": {"count": 4}, "errorstat_ERR": {"count": 40},
    "db2": {"keys": 10, "expires": 4, "avg_ttl": 0},
}  # fmt: skip


def test_a_primary_at_a_glance() -> None:
    found = glance(OLD, 2)
    assert (found.product, found.version, found.server_role) == ("Redis", "6.2.6", "primary")
    assert (found.memory_used_bytes, found.memory_max_bytes) == (800, 1000)
    assert (found.keys, found.expiring, found.hit_percent) == (10, 4, 75.0)
    assert found.replicas[1] == Replica("10.0.0.3:6379", "wait_bgsave", 9)
    assert [one.address for one in found.online] == ["10.0.0.2:6379"]
    assert list(found.errors.items()) == [("ERR", 40), ("OOM", 4)]
    assert (found.persistence, found.persistence_ok, found.link_ok) == ("none", True, None)


@pytest.mark.parametrize(
    ("role", "given", "reasons"),
    [
        (Role.INBOX, {}, ["maxmemory-policy allkeys-lru", "fsync needs WAITAOF", "append-only"]),
        (Role.CACHE, {"REDIS_CACHE_HOST": "cache"}, []),
    ],
)
def test_a_look_asks_for_info_once_and_says_why_a_server_is_unfit(
    role: Role, given: dict[str, str], reasons: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.load({"INBOX_DURABILITY": "fsync", **given})
    client, connections = Mock(), Connections(settings)
    client.info.return_value = {**OLD, "maxmemory_policy": "allkeys-lru"}
    monkeypatch.setattr(connections, "of", lambda _: client)
    state = read_server(connections, role, Keys("avnu"), SystemClock())
    assert client.info.call_count == 1
    assert len(state.unfit) == len(reasons)
    assert all(part in said for part, said in zip(reasons, state.unfit, strict=True))


def test_another_database_and_a_server_that_did_nothing_yet() -> None:
    found = glance({"redis_version": "7.2.4", "valkey_version": "9.1.2"}, 0)
    assert (found.product, found.version) == ("Valkey", "9.1.2")
    assert (found.keys, found.hit_percent, found.replicas, found.errors) == (0, None, [], {})


@pytest.mark.parametrize(
    ("said", "kept", "healthy"),
    [
        ({"aof_enabled": 1, "aof_last_write_status": "ok"}, "append-only file", True),
        ({"aof_enabled": 1, "aof_last_write_status": "err"}, "append-only file", False),
        ({"aof_enabled": 1, "aof_last_bgrewrite_status": "err"}, "append-only file", False),
        ({"aof_enabled": 0, "aof_last_write_status": "err"}, "none", True),
        ({"rdb_last_bgsave_time_sec": 0}, "snapshots", True),
        ({"rdb_last_bgsave_status": "err"}, "none", False),
        ({"aof_enabled": 1, "rdb_last_bgsave_status": "err"}, "append-only file", True),
        ({"loading": 1}, "loading now", True),
    ],
)
def test_persistence(said: dict[str, Any], kept: str, healthy: bool) -> None:
    found = glance(OLD | said, 0)
    assert (found.persistence, found.persistence_ok) == (kept, healthy)


def test_a_replica_that_lost_its_primary() -> None:
    down = glance(OLD | {"role": "slave", "master_link_status": "down"}, 0)
    assert (down.server_role, down.link_ok) == ("replica", False)
    assert glance(OLD | {"role": "slave", "master_link_status": "up"}, 0).link_ok


def test_every_key_has_its_family() -> None:
    keys = Keys("shopify")
    naming = Naming(keys, ["orders", "maintenance"])
    for row in (row for table in TABLES for row in table):
        assert naming.family(keys.of(row.name, "x/1" if row.takes else "")) == row.name
        assert naming.meaning(row.name) == row.meaning
    assert naming.family("shopify:orders") == "queue"
    assert naming.family("shopify:_kombu.binding.orders") == "Celery's bindings"
    assert naming.family("shopify:worker") == naming.family("shopify:countsx") == OTHER
    assert naming.family("bull:orders:1") == naming.family("shopifyx:work") == FOREIGN


def seen(key: str, size_bytes: int | None, ttl_ms: int = -1, idle_s: int | None = 0) -> Seen:
    return Seen(f"a:{key}", ttl_ms, size_bytes, idle_s)


def test_a_sample_stands_for_all() -> None:
    naming = Naming(Keys("a"), [])
    keys = [seen("w:one/1", 100), seen("w:one/2", 300, 5000, 61), seen("l:orders/one", 1000)]
    line, record = families(naming, keys, 10.0)
    assert (line.name, line.keys, line.total_bytes) == ("line", 10, 10_000)
    assert (record.name, record.seen, record.keys) == ("record", 2, 20)
    assert (record.total_bytes, record.mean_bytes) == (4000, 200)
    assert (record.expiring_percent, record.in_use_percent) == (50.0, 50.0)
    assert [one.size_bytes for one in big(naming, keys)] == [1000, 300, 100]


def test_what_the_server_did_not_say_is_not_made_up() -> None:
    [family] = families(Naming(Keys("a"), []), [seen("w:one/1", None, idle_s=None)], 1.0)
    assert (family.total_bytes, family.mean_bytes, family.in_use_percent) == (None, None, None)


def test_uses_are_counted_where_the_policy_counts_them() -> None:
    keys = [Seen("a:w:one/1", -1, 1, None, freq) for freq in (0, 200)]
    [family] = families(Naming(Keys("a"), []), keys, 1.0)
    assert family.in_use_percent == 50.0


def test_the_slow_log_without_arguments() -> None:
    entries = [
        [3, 1_700_000_000, 12_500, [b"EVALSHA", b"ab12", b"0", b"secret"], b"1.2.3.4:1", b"avnu"],
        [2, 1_700_000_000, 900, [b"evalsha", b"ffffffffffff", b"0"], b"", b""],
        [1, 1_700_000_000, 800, [b"HGETALL", b"a:s:orders"], b"", b""],
        [0, 1_700_000_000, 700, [b"KEYS", b"secret*"]],
    ]
    found = slow_log(entries, {b"ab12": "accept"}, Naming(Keys("a"), []))
    assert [(one.command, one.what, one.client) for one in found] == [
        ("EVALSHA", "accept", "avnu"),
        ("EVALSHA", "script ffffffff…", ""),
        ("HGETALL", "place", ""),
        ("KEYS", "", ""),
    ]
    assert found[0].took_ms == 12.5


def test_sizes_for_people() -> None:
    assert [size(n) for n in (0, 999, 1000, 1024, 120 * 1024, 3 * 2**30)] == [
        "0 B", "999 B", "1.0 kB", "1.0 kB", "120 kB", "3.0 GB",
    ]  # fmt: skip
