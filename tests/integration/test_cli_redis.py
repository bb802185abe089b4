"""``avnu redis`` on real servers: Redis and Valkey, a million-key habit, users with few rights."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from avnu.connections import Connections
from avnu.inbox import Inbox
from avnu.settings import Settings
from tests.support.command import Run, runner, told
from tests.support.inbox import accept, arrival, open_inbox
from tests.support.inbox_fixtures import both, redis_server

__all__ = ["both", "redis_server"]

MOST = 1000
# All that `avnu redis` asks.
ENOUGH = (
    "+client|setname", "+ping", "+select", "+info", "+dbsize", "+scan", "+pttl", "+memory|usage",
    "+object|idletime", "+object|freq", "+slowlog|get",
)  # fmt: skip


@pytest.fixture
def inbox(both: Settings) -> Iterator[Inbox]:
    opened = open_inbox(both)
    yield opened
    opened.client.close()


@pytest.fixture
def avnu(both: Settings, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    return runner(both.to_environ())


def by_role(document: Any) -> dict[str, Any]:
    return {one["role"]: one for one in document["roles"]}


def families(role: Any) -> dict[str, Any]:
    return {one["name"]: one for one in role["sample"]["families"]}


def test_each_role_at_a_glance_and_its_families(avnu: Run, inbox: Inbox, both: Settings) -> None:
    accept(inbox, *range(30))
    Connections(both).cache().set(inbox.keys.of("cache_entry", "product/one/1"), b"x", ex=60)
    result = avnu("redis", "--json")
    assert result.exit_code == 0, result.stderr
    roles = by_role(told(result))
    assert list(roles) == ["inbox", "queue", "cache"]
    info = roles["inbox"]["info"]
    assert info["product"] in {"Redis", "Valkey"}
    assert info["server_role"] == "primary"
    assert info["memory_used_bytes"] > 0
    assert info["clients_max"] >= info["clients"] > 0
    assert info["persistence_ok"]
    kept = families(roles["inbox"])
    assert kept["record"]["keys"] == kept["record"]["seen"] == 30
    assert kept["record"]["mean_bytes"] > 50
    assert kept["record"]["in_use_percent"] == 100
    assert kept["line"]["keys"] == kept["counts"]["keys"] == 1
    assert families(roles["queue"])["queue"]["keys"] == 1
    assert families(roles["cache"])["cache_entry"]["expiring_percent"] == 100
    assert roles["inbox"]["refused"] == []


def test_for_people(avnu: Run, inbox: Inbox) -> None:
    accept(inbox, 1)
    shown = avnu("redis")
    assert shown.exit_code == 0
    for words in ("no maxmemory", "hit ratio", "primary", "webhook ids of a shop", "largest: "):
        assert words in shown.stdout
    assert "~" not in shown.stdout


def test_a_sample_costs_the_same_however_many_keys_there_are(
    avnu: Run, inbox: Inbox, both: Settings
) -> None:
    client: Any = Connections(both).inbox()
    with client.pipeline(transaction=False) as pipe:
        for n in range(12_000):
            pipe.set(inbox.keys.of("record", f"one/{n}"), b"x" * 100, ex=600 if n % 4 else None)
        pipe.hset(
            inbox.keys.of("place", "orders"), mapping={f"shop-{n}": "r1" for n in range(5000)}
        )
        pipe.execute()
    client.config_resetstat()
    result = avnu("redis", "--keys", str(MOST), "--json")
    calls = {name: one["calls"] for name, one in client.info("commandstats").items()}
    sample = by_role(told(result))["inbox"]["sample"]
    assert not sample["complete"]
    assert MOST <= sample["seen"] < 2 * MOST
    assert calls["cmdstat_scan"] <= 3 * (MOST // 250 + 2)
    assert calls["cmdstat_pttl"] < 3 * MOST
    record = families(by_role(told(result))["inbox"])["record"]
    assert 10_500 < record["keys"] < 13_500
    assert 60 < record["expiring_percent"] < 90
    assert "~" in avnu("redis", "--keys", str(MOST)).stdout


def test_looking_is_no_use(avnu: Run, inbox: Inbox, both: Settings) -> None:
    client: Any = Connections(both).inbox()
    client.set(key := inbox.keys.of("record", "one/1"), b"x")
    client.execute_command("RESTORE", key, 0, client.dump(key), "REPLACE", "IDLETIME", 5000)
    for _ in range(2):
        found = families(by_role(told(avnu("redis", "--json")))["inbox"])
        assert found["record"]["in_use_percent"] == 0


def test_the_slow_log_names_scripts_and_families_and_no_content(
    avnu: Run, inbox: Inbox, both: Settings
) -> None:
    client: Any = Connections(both).inbox()
    before = client.config_get("slowlog-log-slower-than")
    client.config_set("slowlog-log-slower-than", 0)
    client.slowlog_reset()
    try:
        inbox.accept([arrival(1, body=b'{"email":"a@example.com"}' + b" " * 64)])
        client.get(inbox.keys.of("record", "one/1"))
    finally:
        client.config_set("slowlog-log-slower-than", before["slowlog-log-slower-than"])
    result = avnu("redis", "--slow", "100", "--json")
    slow = by_role(told(result))["inbox"]["slow"]
    assert ("EVALSHA", "accept") in {(one["command"], one["what"]) for one in slow}
    assert ("GET", "record") in {(one["command"], one["what"]) for one in slow}
    assert "example.com" not in result.output
    assert "one/1" not in json.dumps(slow)


def user(both: Settings, *rights: str) -> Run:
    """``avnu`` as a user of its own with these rights on all keys."""
    with redis.Redis(host=both.redis_host, port=both.redis_port) as admin:
        admin.execute_command("ACL", "SETUSER", "looker", "reset", "on", ">pw", "~*", *rights)
    login = {"REDIS_USERNAME": "looker", "REDIS_PASSWORD": "pw"}
    return runner({**both.to_environ(), **login})


def test_a_user_with_just_these_rights_sees_all(inbox: Inbox, both: Settings) -> None:
    accept(inbox, 1)
    result = user(both, *ENOUGH)("redis", "--json")
    assert result.exit_code == 0, result.stderr
    roles = by_role(told(result))
    assert [one["refused"] for one in roles.values()] == [[], [], []]
    assert families(roles["inbox"])["record"]["mean_bytes"] > 0


def test_what_a_user_may_not_ask_is_left_out_and_said(inbox: Inbox, both: Settings) -> None:
    accept(inbox, 1)
    result = user(both, "+client|setname", "+ping", "+select", "+dbsize", "+scan", "+pttl")(
        "redis", "--json"
    )
    assert result.exit_code == 0, result.stderr
    one = by_role(told(result))["inbox"]
    assert one["info"] is None
    assert set(one["refused"]) == {"INFO", "MEMORY USAGE", "OBJECT", "SLOWLOG"}
    assert families(one)["record"]["mean_bytes"] is None
    assert "may not ask" in user(both, "+client|setname", "+ping", "+select")("redis").stderr


def test_out_of_reach(both: Settings) -> None:
    result = runner({**both.to_environ(), "REDIS_PORT": "1"})("redis", "--json")
    assert result.exit_code == 5
    assert by_role(told(result))["queue"]["fault"]
    assert "inbox at 127.0.0.1:1" in result.stderr
