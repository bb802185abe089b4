"""What /metrics tells, read from real servers."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from avnu.breaker.control import BreakerControl
from avnu.breaker.policy import SHOPIFY, BreakerPolicy
from avnu.connections import Connections
from avnu.health.hearing import note_beat, note_canary
from avnu.inbox import Inbox
from avnu.metrics import render
from avnu.metrics.families import FAMILIES
from avnu.settings import Settings
from tests.support.inbox import (
    DONE,
    accept,
    begin,
    claim,
    move_time,
    open_inbox,
    pass_time,
    send_alone,
    settle,
)
from tests.support.servers import Server

pytest_plugins = ("tests.support.inbox_fixtures",)

Metrics = Callable[[], dict[str, float]]


def told(inbox: Inbox, connections: Connections) -> dict[str, float]:
    """Every sample of a scrape by name and labels as they are written."""
    found = {}
    for line in render(inbox, connections).decode().splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            found[name] = float(value)
    return found


@pytest.fixture
def metrics(inbox: Inbox) -> Iterator[Metrics]:
    connections = Connections(inbox.settings)
    yield lambda: told(inbox, connections)
    connections.close()


def test_the_lag_is_from_accepted_to_settled(inbox: Inbox, metrics: Metrics) -> None:
    accept(inbox, 1, 2)
    move_time(inbox, 3)
    holder, _ = begin(inbox)
    settle(holder, DONE, DONE)
    send_alone(inbox, 3)
    move_time(inbox, 20)
    assert inbox.settle(claim(inbox, 3), DONE, None, 0.0)
    found = metrics()
    assert found['avnu_lag_seconds_bucket{area="orders",le="2.5"}'] == 0
    assert found['avnu_lag_seconds_bucket{area="orders",le="5.0"}'] == 2
    assert found['avnu_lag_seconds_bucket{area="orders",le="30.0"}'] == 3
    assert found['avnu_lag_seconds_count{area="orders"}'] == 3
    assert found['avnu_lag_seconds_sum{area="orders"}'] == pytest.approx(26, abs=2)
    assert found['avnu_lag_seconds_count{area="products"}'] == 0


def test_recovered_leases_and_replaced_wakeups_are_counted(inbox: Inbox, metrics: Metrics) -> None:
    accept(inbox, 1)
    begin(inbox)
    accept(inbox, 2, shop="another")
    pass_time(inbox, 40)
    found = metrics()
    assert found["avnu_leases_recovered_total"] == 1
    assert found["avnu_wakeups_replaced_total"] >= 1


def test_a_partition_is_stuck_when_nobody_takes_it_up(inbox: Inbox, metrics: Metrics) -> None:
    accept(inbox, 1)
    accept(inbox, 2, area="products", topic="products/update")
    begin(inbox)
    pass_time(inbox, 50)
    assert metrics()['avnu_partitions_stuck{area="products"}'] == 0
    pass_time(inbox, 40)
    assert metrics()['avnu_partitions_stuck{area="products"}'] == 1
    inbox.pause("area", "products")
    assert metrics()['avnu_partitions_stuck{area="products"}'] == 0


def test_ages_of_what_was_heard(inbox: Inbox, metrics: Metrics) -> None:
    never = metrics()
    assert never["avnu_beat_age_seconds"] == never["avnu_canary_age_seconds"] == float("inf")
    assert never["avnu_tick_age_seconds"] == float("inf")
    assert "avnu_received_age_seconds" not in never
    inbox.tick()
    note_beat(inbox.client, inbox.keys)
    inbox.flush_counters({"kept": 1})
    move_time(inbox, 7)
    note_canary(inbox)
    found = metrics()
    for name, age_s in (("tick", 7), ("beat", 0), ("received", 7), ("canary", 0)):
        assert found[f"avnu_{name}_age_seconds"] == pytest.approx(age_s, abs=2), name


def test_calls_points_and_breakers(inbox: Inbox, metrics: Metrics) -> None:
    connections = Connections(inbox.settings)
    cache = connections.cache()
    cache.hset(inbox.keys.of("api_counts"), mapping={"ok": 3, "throttled": 1, "points": "12.5"})
    BreakerControl(cache, inbox.keys, BreakerPolicy.of(inbox.settings)).force(SHOPIFY, "open")
    connections.close()
    found = metrics()
    assert found['avnu_api_calls_total{outcome="ok"}'] == 3
    assert found['avnu_api_calls_total{outcome="throttled"}'] == 1
    assert found["avnu_api_points_total"] == 12.5
    assert found['avnu_breaker_open{breaker="shopify"}'] == 1


def test_a_cache_that_is_down_hides_nothing_else(inbox: Inbox) -> None:
    settings = dataclasses.replace(inbox.settings, redis_cache_host="127.0.0.1", redis_cache_port=1)
    connections = Connections(settings)
    found = told(inbox, connections)
    connections.close()
    assert found['avnu_redis_up{role="cache"}'] == 0
    assert found['avnu_redis_up{role="inbox"}'] == found['avnu_redis_up{role="queue"}'] == 1
    assert 'avnu_inbox_backlog{area="orders"}' in found
    assert not any(name.startswith("avnu_api") for name in found)


def test_what_servers_tell(inbox: Inbox, metrics: Metrics) -> None:
    found = metrics()
    for role in ("inbox", "queue", "cache"):
        label = f'{{role="{role}"}}'
        assert found[f"avnu_redis_up{label}"] == 1
        assert 0 < found[f"avnu_redis_latency_seconds{label}"] < 30
        assert found[f"avnu_redis_memory_used_bytes{label}"] > 100_000
        assert found[f"avnu_redis_clients{label}"] >= 1
        assert found[f"avnu_redis_clients_max{label}"] > 10
        assert found[f"avnu_redis_persistence_ok{label}"] == 1
        assert found[f"avnu_redis_policy_ok{label}"] == 1
        assert f'avnu_redis_errors_total{{error="OOM",role="{role}"}}' in found


def test_every_sample_is_of_the_table(inbox: Inbox, metrics: Metrics) -> None:
    names = {name.partition("{")[0] for name in metrics()}
    for name in names:
        family = name
        for suffix in ("_bucket", "_sum", "_count"):
            family = family if family in FAMILIES else name.removesuffix(suffix)
        assert family in FAMILIES, name


def test_out_of_reach_it_says_just_that(settings: Settings) -> None:
    away = dataclasses.replace(settings, redis_port=1)
    connections = Connections(away)
    assert told(open_inbox(away), connections) == {
        f'avnu_redis_up{{role="{role}"}}': 0 for role in ("inbox", "queue", "cache")
    }
    connections.close()


def test_a_server_that_hangs_is_waited_for_briefly(settings: Settings, tmp_path: Path) -> None:
    """Once, and not for each role: Prometheus gives up after 10 s and would know nothing at all."""
    with Server(tmp_path / "hung") as other:
        limits = {"REDIS_SOCKET_TIMEOUT_MS": "3000"}
        hung = Settings.load({**settings.to_environ(), **other.environ(), **limits})
        inbox, connections = open_inbox(hung), Connections(hung)
        assert told(inbox, connections)['avnu_redis_up{role="inbox"}'] == 1
        other.freeze()
        began = time.monotonic()
        assert told(inbox, connections)['avnu_redis_up{role="inbox"}'] == 0
        assert 3 <= time.monotonic() - began < 6, "three times were 9 s"
        other.thaw()
        connections.close()
