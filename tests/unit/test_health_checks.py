"""What the monitor says of made-up facts: no server, no database."""

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from avnu.health.check import Check, State
from avnu.health.facts import InboxFacts, Quiet, Unreached
from avnu.health.getting import Gets
from avnu.health.servers import ServerState
from avnu.health.watching import judge
from avnu.inbox.longest import Line
from avnu.inbox.workers import Worker
from avnu.settings import Durability, Settings
from tests.support.health import NOW, area, database, facts, inbox, replica, server

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
    warned = {"replication": "warning"}
    assert trouble(one=server(), online=1) == warned
    assert trouble(one=server(run_id="b"), online=1, before={"server": server()}) == warned
    two = server(connected_slaves=2, **replica(0), **replica(1))
    assert trouble(one=two, online=2) == {}
    assert trouble(one=two, online=3) == warned
    syncing = server(connected_slaves=2, **replica(0), **replica(1, state="wait_bgsave"))
    assert trouble(one=syncing, online=2) == warned, "it is no copy yet"
    assert trouble(one=syncing, online=1) == {}, "it is a new one"


def test_a_replica_that_is_not_heard_of_is_told_of() -> None:
    def said(lag_s: int) -> Check:
        return found(one=server(connected_slaves=1, **replica(0, lag=lag_s)))["replication"]

    assert said(10).state is State.OK
    assert said(11).state is State.WARNING
    assert "10.0.0.0:6379 for 11 s" in said(11).found


def test_as_many_replicas_must_be_online_as_have_to_confirm() -> None:
    settings = dataclasses.replace(
        SHARED, inbox_durability=Durability.REPLICA, inbox_durability_replicas=2
    )
    two = server(connected_slaves=2, **replica(0), **replica(1))
    assert trouble(settings=settings, one=two) == {}
    syncing = server(connected_slaves=2, **replica(0), **replica(1, state="send_bulk"))
    assert trouble(settings=settings, one=syncing) == {"replication": "failed"}


def test_a_replica_that_confirms_stands_for_the_append_only_file() -> None:
    by_replica = dataclasses.replace(SHARED, inbox_durability=Durability.REPLICA)
    one = server(append_only=False, connected_slaves=1, **replica(0))
    assert trouble(settings=by_replica, one=one) == {}
    assert trouble(one=one) == {"persistence": "warning"}, "nobody waits for it"
    lost = trouble(settings=by_replica, one=server(append_only=False))
    assert lost == {"persistence": "warning", "replication": "failed"}


def test_a_policy_that_may_evict_webhooks() -> None:
    why = "maxmemory-policy allkeys-lru may evict webhooks; set noeviction or volatile-ttl"
    said = found(one=server(unfit=[why]))["server"]
    assert (said.state, said.todo) == (State.FAILED, "set noeviction or volatile-ttl")
    old = "Redis 6.0 is too old; use Redis 6.2 to 8 or Valkey 8 to 9"
    every = list(judge(facts(one=server(unfit=[why, old])), SHARED))
    both = [check for check in every if check.name == "server"]
    assert [check.found for check in both] == [
        "maxmemory-policy allkeys-lru may evict webhooks; Redis 6.0 is too old"
    ], "one name, one finding"
    todo = "set noeviction or volatile-ttl; use Redis 6.2 to 8 or Valkey 8 to 9"
    assert [check.todo for check in both] == [todo]


def test_the_cache_on_a_server_of_its_own() -> None:
    for policy in ("allkeys-lru", "volatile-lru"):
        full = server(used_memory=990, maxmemory_policy=policy, append_only=False)
        assert trouble(settings=OWN_CACHE, cache=full) == {}, "it fills its server by design"
    stuck = server(used_memory=990, append_only=False)
    assert trouble(settings=OWN_CACHE, cache=stuck) == {"memory of the cache server": "warning"}
    assert trouble(settings=OWN_CACHE, one=server(used_memory=990)) == {
        "memory": "warning", "memory of the cache server": "warning",
    }, "the inbox's own is another matter"  # fmt: skip
    cold = server(run_id="c", keyspace_hits=100, keyspace_misses=1900, evicted_keys=5)
    said = trouble(settings=OWN_CACHE, cache=cold, before={"cache": server(run_id="c")})
    assert said == {"hits of the cache server": "warning"}
    down = trouble(settings=OWN_CACHE, cache=Unreached("refused"))
    assert down == {"cache database 0": "failed"}


def test_the_cache_on_the_shared_server_by_its_own_counters() -> None:
    def said(before: Gets | None, now: Gets | None, settings: Settings = SHARED) -> Any:
        every = found(settings=settings, before={"gets": before}, gets=now)
        return every["hits"].state if "hits" in every else None

    earlier = Gets(asked=5000, saved=100)
    assert said(earlier, Gets(asked=6000, saved=599)) is State.WARNING
    assert said(earlier, Gets(asked=6000, saved=600)) is State.OK
    assert said(earlier, Gets(asked=5999, saved=100)) is State.OK, "too few to tell"
    assert said(earlier, Gets(asked=2000, saved=50)) is None, "they began anew"
    assert said(None, earlier) is said(earlier, None) is None
    assert said(earlier, Gets(asked=6000, saved=599), OWN_CACHE) is None, "its server tells"


@pytest.mark.parametrize(
    "then",
    [
        {"evicted_keys": 897}, {"rejected": 3}, {"keyspace_hits": 9}, {"keyspace_misses": 9},
        {"errorstat_OOM": {"count": 5}}, {"cpu_s": 101.0},
    ],
)  # fmt: skip
def test_counters_that_went_back_are_not_compared_with(then: dict[str, Any]) -> None:
    """CONFIG RESETSTAT: the run_id stays."""
    every = found(one=server(), before={"server": server(**then)})
    assert not {"cpu", "evictions", "errors"} & every.keys()
    assert all(check.state is State.OK for check in every.values())


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


@pytest.mark.parametrize("kind", ["in_trouble", "lacking", "silent"])
def test_a_few_shops_of_thousands_in_trouble_are_named_and_no_warning(kind: str) -> None:
    def said(n: int) -> dict[str, str]:
        names = [f"shop-{number}.myshopify.com" for number in range(n)]
        every = {"installed": 5000, "uninstalled": 20_000}
        return trouble(database=database(**{"shops": every, kind: names}))

    name = "shops" if kind == "in_trouble" else "subscriptions"
    assert said(100) == {}
    assert said(101) == {name: "warning"}
    one = found(database=database(shops={"installed": 5000}, **{kind: ["a.myshopify.com"]}))
    assert "a.myshopify.com" in one[name].found


def test_shops_that_wait_for_what_passes_by_itself_are_no_warning() -> None:
    waiting = inbox(parked_shops={"budget": 900, "time": 1})
    assert trouble(inbox=waiting) == {}
    unread = Unreached("refused", "see DATABASE_URL")
    said = trouble(inbox=inbox(parked_shops={"forbidden": 1}), database=unread)
    assert said == {"database": "failed", "parked": "warning"}


def test_a_database_that_lacks_a_migration_says_what_to_do() -> None:
    said = found(database=Unreached("it is outdated", "run: avnu db upgrade"))["database"]
    assert (said.state, said.todo) == (State.FAILED, "run: avnu db upgrade")


def test_a_breaker_that_is_not_closed() -> None:
    assert trouble(breakers={"shopify": "open"}) == {"breaker": "warning"}
    assert trouble(breakers=Unreached("TimeoutError")) == {"breaker": "warning"}
