"""Which faults a call gets: for whom, how often, in which order."""

import random
from collections import Counter

import msgspec
import pytest

from avnu.sandbox.admin import FAULTS, UnknownFault, Weather
from avnu.sandbox.admin.answer import Answer, told
from avnu.sandbox.admin.faults import Fault

ONE, TWO = "one.myshopify.com", "two.myshopify.com"
DOCUMENT = {
    "data": {"shop": {"name": "Amber"}},
    "extensions": {"cost": {"requestedQueryCost": 1, "throttleStatus": {"restoreRate": 100.0}}},
}


@pytest.fixture
def weather() -> Weather:
    return Weather(random.Random(1))


def good() -> Answer:
    return told(200, DOCUMENT, "ok", requested=1, spent=1)


def outcome(weather: Weather, shop: str = ONE) -> str:
    return weather.forecast(shop, "graphql").on(good).outcome


def test_fine_weather(weather: Weather) -> None:
    assert weather.forecast(ONE, "graphql").on(good) == good()


def test_so_many_times_and_then_no_more(weather: Weather) -> None:
    weather.set("http_503", times=2)
    weather.set("http_401", times=1)
    weather.set("broken_json", times=1)
    outcomes = [outcome(weather) for _ in range(5)]
    assert outcomes == ["http_503", "http_503", "http_401", "broken_json", "ok"]
    assert weather.rules() == []


def test_for_one_shop(weather: Weather) -> None:
    weather.set("http_503", shop=ONE)
    assert (outcome(weather, ONE), outcome(weather, TWO)) == ("http_503", "ok")
    weather.set("empty")
    weather.clear(ONE)
    assert (outcome(weather, ONE), outcome(weather, TWO)) == ("empty", "empty")
    weather.clear()
    assert outcome(weather, ONE) == "ok"


def test_some_of_the_time(weather: Weather) -> None:
    weather.set("http_503", probability=0.25)
    counts = Counter(outcome(weather) for _ in range(2000))
    assert 400 < counts["http_503"] < 600
    assert counts["ok"] == 2000 - counts["http_503"]


def test_probability_and_times(weather: Weather) -> None:
    weather.set("http_503", probability=0.5, times=3)
    assert Counter(outcome(weather) for _ in range(200)) == {"http_503": 3, "ok": 197}


def test_for_token_exchanges(weather: Weather) -> None:
    weather.set("http_503", on="token")
    assert outcome(weather) == "ok"
    assert weather.forecast(ONE, "token").on(good).status == 503
    weather.set("http_500", on="all")
    assert outcome(weather) == "http_500"


def test_the_same_again_replaces(weather: Weather) -> None:
    weather.set("http_503", times=1)
    weather.set("http_503", times=2)
    assert [rule.times for rule in weather.rules()] == [2]


def test_what_answers_instead_runs_nothing(weather: Weather) -> None:
    def never() -> Answer:
        raise AssertionError

    weather.set("http_500")
    weather.set("deprecated", times=1)
    assert weather.forecast(ONE, "graphql").on(never).status == 500
    assert [rule.name for rule in weather.rules()] == ["http_500", "deprecated"]


def test_what_spoils_adds_up(weather: Weather) -> None:
    weather.set("deprecated", text="old")
    weather.set("cost_missing")
    answer = weather.forecast(ONE, "graphql").on(good)
    assert answer.headers["X-Shopify-API-Deprecated-Reason"] == "old"
    assert msgspec.json.decode(answer.body) == {"data": DOCUMENT["data"]}
    assert (answer.requested, answer.spent) == (1, 1)


def test_a_call_waits_once(weather: Weather, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[str | None] = []
    row = Fault("", wait=lambda rule, _rng, _released: waited.append(rule.text))
    monkeypatch.setattr("avnu.sandbox.admin.weather.FAULTS", {**FAULTS, "latency": row})
    weather.set("latency", text="a while")
    weather.set("http_500", times=1)
    assert outcome(weather) == "http_500"
    forecast = weather.forecast(ONE, "graphql")
    forecast.pause()
    assert forecast.on(good).outcome == "ok"
    assert waited == ["a while"] * 2


def test_released_calls_do_not_wait(weather: Weather) -> None:
    weather.set("hang")
    held = weather.forecast(ONE, "graphql")
    assert not held.released.is_set()
    weather.release()
    held.pause()  # returns at once
    assert [rule.name for rule in weather.rules()] == ["hang"]
    assert not weather.forecast(ONE, "graphql").released.is_set()


@pytest.mark.parametrize(
    "odd", [{"times": 0}, {"probability": 1.5}, {"seconds": -1}, {"on": "webhooks"}]
)
def test_odd_rules(weather: Weather, odd: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(odd))):
        weather.set("latency", **odd)  # type: ignore[arg-type]


def test_an_unknown_name_gets_the_list(weather: Weather) -> None:
    with pytest.raises(UnknownFault, match=r"'http_200'; there are http_401, .*hang"):
        weather.set("http_200")


def test_every_row_does_one_thing_and_says_it() -> None:
    for name, fault in FAULTS.items():
        does = [fault.instead, fault.spoil, fault.wait]
        assert sum(one is not None for one in does) == 1, name
        assert fault.says, name
