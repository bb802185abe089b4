"""Names, buckets, and what one scrape is made of."""

import re
from importlib import resources

from prometheus_client import CollectorRegistry, generate_latest

from avnu.inbox.buckets import (
    ACK_BOUNDS_S,
    LAG_BOUNDS_S,
    ack_counter,
    bounds_as_text,
    cumulated,
)
from avnu.metrics.families import FAMILIES, MetricType
from avnu.metrics.readings import Readings


def exposed(readings: Readings) -> list[str]:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(readings)
    return generate_latest(registry).decode().splitlines()


def test_a_bound_belongs_to_its_bucket() -> None:
    assert ack_counter(0.0) == ack_counter(0.005) == "ack:le:0.005"
    assert ack_counter(0.0051) == "ack:le:0.01"
    assert ack_counter(5.0) == "ack:le:5.0"
    assert ack_counter(11.0) == "ack:le:+Inf"


def test_the_script_and_the_reader_know_the_same_buckets_of_the_lag() -> None:
    text = (resources.files("avnu.lua") / "_lag.lua").read_text(encoding="utf-8")
    chain = re.findall(r"if ms <= (\d+) then return '([\d.]+)' end", text)
    assert [int(ms) / 1000 for ms, _ in chain] == list(LAG_BOUNDS_S)
    assert [bound for _, bound in chain] == list(bounds_as_text(LAG_BOUNDS_S))[:-1]


def test_buckets_are_told_cumulated() -> None:
    counters = {"ack:le:0.005": 2, "ack:le:1.0": 3, "ack:le:+Inf": 1}
    told = dict(cumulated(counters, "ack", ACK_BOUNDS_S))
    assert (told["0.005"], told["0.5"], told["1.0"], told["10.0"], told["+Inf"]) == (2, 2, 5, 5, 6)


def test_names_are_in_base_units_and_no_shop_is_a_label() -> None:
    for name, family in FAMILIES.items():
        assert re.fullmatch(r"avnu_[a-z_]+", name), name
        assert name.endswith("_total") is (family.kind is MetricType.COUNTER), name
        assert not re.search(r"_(ms|millis\w*|minutes|mb|kb|percent)(_total)?$", name), name
        assert "shop" not in family.labels
        if family.kind is MetricType.HISTOGRAM:
            assert name.endswith("_seconds"), name


def test_what_was_not_read_is_left_out() -> None:
    readings = Readings()
    readings.add("avnu_redis_up", 0, "cache")
    readings.add("avnu_leases_recovered_total", 3)
    readings.add_histogram("avnu_lag_seconds", [("0.1", 1), ("+Inf", 2)], 4.5, "orders")
    told = [line for line in exposed(readings) if not line.startswith("#")]
    assert told == [
        'avnu_lag_seconds_bucket{area="orders",le="0.1"} 1.0',
        'avnu_lag_seconds_bucket{area="orders",le="+Inf"} 2.0',
        'avnu_lag_seconds_count{area="orders"} 2.0',
        'avnu_lag_seconds_sum{area="orders"} 4.5',
        "avnu_leases_recovered_total 3.0",
        'avnu_redis_up{role="cache"} 0.0',
    ]
