"""What the monitor says of made-up facts: no server, no database."""

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from avnu.health.check import Check, State
from avnu.health.facts import InboxFacts, Quiet, Unreached
from avnu.health.servers import ServerState
from avnu.health.watching import judge
from avnu.inbox.longest import Line
from avnu.inbox.workers import Worker
from avnu.settings import Settings
from tests.support.health import NOW, area, database, facts, inbox, server

HOUR_S = 3600.0

SHARED = Settings.load({})
OWN_CACHE = dataclasses.replace(SHARED, redis_cache_host="cache")


def found(*, settings: Settings = SHARED, **told: Any) -> dict[str, Check]:
    """What is said of these facts, by name."""
    return {check.name: check for check in judge(facts(**told), settings)}


def trouble(**how: Any) -> dict[str, str]:
    """Names and states of what is not well."""
    every = found(**how)
    assert all(check.why and check.todo for check in every.values() if check.state != State.OK)
    return {name: str(check.state) for name, check in every.items() if check.state != State.OK}


def test_all_is_well() -> None:
    assert trouble(before={}) == {}


# ---- servers


@pytest.mark.parametrize(
    ("one", "name", "state"),
    [
        (server(ping_s=0.011), "inbox database 2", "warning"),
        (server(write_s=0.02), "inbox database 2", "warning"),
        (server(write_s=0, write_fault="READONLY"), "inbox database 2", "failed"),
        (Unreached("refused"), "inbox database 2", "failed"),
        (server(used_memory=800), "memory", "warning"),
        (server(maxmemory=0), "memory", "warning"),
        (server(connected_clients=80), "connections", "warning"),
        (server(append_only=False), "persistence", "warning"),
        (server(aof_last_write_status="err"), "persistence", "failed"),
        (server(aof_enabled=0, rdb_last_bgsave_status="err"), "persistence", "failed"),
        (server(role="slave", master_link_status="up"), "replication", "failed"),
    ],
)
def test_of_one_look_at_a_server(one: ServerState | Unreached, name: str, state: str) -> None:
    assert trouble(one=one)[name] == state


@pytest.mark.parametrize(
    ("now", "name", "state"),
    [
        ({"cpu_s": 180.0}, "cpu", "warning"),
        ({"evicted_keys": 1}, "evictions", "warning"),
        ({"rejected": 1}, "connections", "failed"),
        ({"errorstat_OOM": {"count": 1}}, "errors", "warning"),
        ({"errorstat_READONLY": {"count": 3}}, "errors", "warning"),
        ({"errorstat_NOSCRIPT": {"count": 101}}, "errors", "warning"),
    ],
)
def test_of_what_has_grown_since_the_last_look(now: dict[str, Any], name: str, state: str) -> None:
    assert trouble(one=server(**now), before={"server": server()}) == {name: state}
    assert trouble(one=server(**now), before={"server": server(**now)}) == {}
    restarted = server(**now, run_id="b")
    assert trouble(one=restarted, before={"server": server()}) == {}, "its counters began anew"


def test_errors_of_clients_alone_are_no_trouble() -> None:
    now = server(errorstat_WRONGTYPE={"count": 9}, errorstat_NOSCRIPT={"count": 100})
    assert trouble(one=now, before={"server": server()}) == {}


def test_a_lost_replica_is_told_of() -> None:
    replica = {"connected_slaves": 1, "slave0": {"ip": "10.0.0.2", "port": 6379, "lag": 0}}
    assert trouble(one=server(), before={"server": server(**replica)}) == {"replication": "warning"}


def test_a_policy_that_may_evict_webhooks() -> None:
    why = "maxmemory-policy allkeys-lru may evict webhooks; set noeviction or volatile-ttl"
    said = found(unfit={"inbox": [why]})["server"]
    assert (said.state, said.todo) == (State.FAILED, "set noeviction or volatile-ttl")


def test_the_cache_on_a_server_of_its_own() -> None:
    full = server(used_memory=990, maxmemory_policy="allkeys-lru", append_only=False)
    assert trouble(settings=OWN_CACHE, cache=full) == {"memory of the cache server": "warning"}
    cold = server(run_id="c", keyspace_hits=100, keyspace_misses=1900, evicted_keys=5)
    said = trouble(settings=OWN_CACHE, cache=cold, before={"cache": server(run_id="c")})
    assert said == {"hits of the cache server": "warning"}
    down = trouble(settings=OWN_CACHE, cache=Unreached("refused"))
    assert down == {"cache database 0": "failed"}


def test_what_can_be_evicted_is_told_when_it_is_next_to_nothing() -> None:
    crowded = server(
        used_memory=900, maxmemory_policy="volatile-lru", db2={"keys": 1000, "expires": 50}
    )
    assert "5 % of the inbox's keys can be evicted" in found(one=crowded)["memory"].found


# ---- the inbox


NEVER = float("inf")


@pytest.mark.parametrize(
    ("facts", "name", "state"),
    [
        (inbox(tick_age_s=6.0), "workers", "failed"),
        (inbox(tick_age_s=NEVER), "workers", "failed"),
        (inbox(area(), workers=[Worker("a", 1, ["products"], 0.1)]), "workers", "warning"),
        (inbox(full=True), "room", "failed"),
        (inbox(stuck={"orders": 2}), "partitions", "failed"),
        (inbox(area(backlog=1, oldest_s=300.0)), "waiting", "warning"),
        (inbox(area(backlog=1, oldest_s=5 * HOUR_S)), "waiting", "failed"),
        (inbox(heard={"canary_s": 200.0}), "canary", "failed"),
        (inbox(parked_shops={"frozen": 2}), "parked", "warning"),
        (Unreached("it is loading"), "inbox", "failed"),
    ],
)
def test_of_one_look_at_the_inbox(facts: InboxFacts | Unreached, name: str, state: str) -> None:
    assert trouble(inbox=facts) == {name: state}


def test_without_beat_its_canary_says_nothing_of_workers() -> None:
    facts = inbox(heard={"beat_s": NEVER, "canary_s": NEVER})
    assert trouble(inbox=facts) == {"beat": "warning", "canary": "warning"}


def test_one_shop_that_floods_is_named() -> None:
    line = Line("orders", "loud.myshopify.com", 900, "ready")
    said = found(inbox=inbox(area(backlog=1500), longest=[line]))["waiting"]
    assert said.state is State.WARNING
    assert "loud.myshopify.com 900 (orders)" in said.found
    calm = found(inbox=inbox(area(backlog=999), longest=[line]))["waiting"]
    assert calm.state is State.OK


@pytest.mark.parametrize(
    ("counters", "said"),
    [
        ({"ack:le:2.5": 2, "ack:le:0.005": 98}, {"answers": "warning"}),
        ({"ack:le:2.5": 1, "ack:le:0.005": 99}, {}),
        ({"ack:le:2.5": 5}, {}),
        ({"accepted:orders": 90, "unavailable": 2}, {"outcomes": "failed"}),
        ({"accepted:orders": 40, "rejected": 60}, {"outcomes": "warning"}),
        ({"accepted:orders": 400, "rejected": 60, "unavailable": 4}, {}),
        ({"retries:orders": 6, "done:orders": 94}, {"retries": "warning"}),
        ({"retries:orders": 5, "done:orders": 95}, {}),
        ({"dead:orders:attempts": 1}, {"dead letters": "warning"}),
        ({"leases_recovered": 20}, {"repairs": "warning"}),
        ({"wakeups_replaced": 19}, {}),
    ],
)
def test_of_what_was_counted_since(counters: dict[str, int], said: dict[str, str]) -> None:
    facts = inbox(counters=counters)
    assert trouble(inbox=facts, before={"counters": {}}) == said
    assert trouble(inbox=facts, before={"counters": counters}) == {}


def test_silence_is_longer_than_ever() -> None:
    def said(age_s: float | None, longest_s: float) -> bool:
        facts = inbox(heard={"received_s": age_s})
        return trouble(inbox=facts, quiet=Quiet(longest_s)) == {"deliveries": "warning"}

    assert said(901, 0)
    assert not said(899, 0)
    assert not said(HOUR_S, HOUR_S / 2), "a night is as quiet as this"
    assert said(2 * HOUR_S, HOUR_S / 2)
    assert not said(None, 0), "nothing ever came"


# ---- database and Shopify


@pytest.mark.parametrize(
    ("told", "name", "state"),
    [
        ({"in_trouble": ["a.myshopify.com"]}, "shops", "warning"),
        ({"refused": 2, "lacking": ["a.myshopify.com"]}, "subscriptions", "warning"),
        ({"silent": ["a.myshopify.com"]}, "subscriptions", "warning"),
        ({"open_requests": ["a/1"], "due_at": NOW - timedelta(1)}, "compliance", "failed"),
        ({"open_requests": ["a/1"], "due_at": NOW + timedelta(1)}, "compliance", "warning"),
    ],
)
def test_of_the_database(told: dict[str, Any], name: str, state: str) -> None:
    assert trouble(database=database(**told)) == {name: state}


def test_a_database_that_lacks_a_migration_says_what_to_do() -> None:
    said = found(database=Unreached("it is outdated", "run: avnu db upgrade"))["database"]
    assert (said.state, said.todo) == (State.FAILED, "run: avnu db upgrade")


def test_a_breaker_that_is_not_closed() -> None:
    assert trouble(breakers={"shopify": "open"}) == {"breaker": "warning"}
    assert trouble(breakers=Unreached("TimeoutError")) == {"breaker": "warning"}
