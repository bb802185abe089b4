"""``avnu cache``: sums of all processes, one entry, and dropping; exit codes."""

from collections.abc import Iterator

import pytest

from avnu.cache import Cache, Loaded
from avnu.cache.kinds import LOCATIONS, PRODUCT
from avnu.cache.values import Location
from avnu.settings import Settings
from tests.support.cache import OTHER, SHOP, Loader, opened, product, quick
from tests.support.command import Run, runner, told
from tests.support.waiting import wait_until

pytest_plugins = ("tests.support.command_fixtures",)


@pytest.fixture
def cache(settings: Settings) -> Iterator[Cache]:
    with opened(settings) as one:
        yield one


def test_stats_of_a_cache_that_nobody_used(avnu: Run) -> None:
    result = avnu("cache", "stats")
    assert result.exit_code == 0
    assert "product" in result.stdout
    assert told(avnu("cache", "stats", "--json"))["events"] == {}


def test_stats_sum_over_processes_and_say_what_was_saved(avnu: Run, settings: Settings) -> None:
    load = Loader()
    with opened(settings) as one, opened(settings) as two:
        for cache in (one, one, one, two):
            cache.get(PRODUCT, SHOP, 5, load)
        one.invalidate(SHOP)
    wait_until(
        lambda: told(avnu("cache", "stats", "--json"))["kinds"]["product"]["loaded"] == 1,
        20,
        "the processes have handed in what they counted",
    )
    found = told(avnu("cache", "stats", "--json"))
    assert found["kinds"]["product"] == {
        "local": 2, "shared": 1, "joined": 0, "stale": 0, "loaded": 1, "failed": 0,
    }  # fmt: skip
    assert found["events"]["invalidated"] == 1
    shown = avnu("cache", "stats").stdout
    assert "75.0 %" in shown
    assert "invalidated" in shown


def test_show_an_entry(avnu: Run, cache: Cache) -> None:
    cache.get(PRODUCT, SHOP, 5, Loader(product(title="Shirt \x1b[31mred"), version=7))
    cache.get(LOCATIONS, SHOP, "", lambda: Loaded((Location(id=1, name="Main"),)))
    shown = avnu("cache", "show", "one-shop", "product", "5")
    assert shown.exit_code == 0
    assert "fresh" in shown.stdout
    assert "\x1b" not in shown.stdout
    found = told(avnu("cache", "show", "one-shop", "product", "5", "--json"))
    assert found["value"]["id"] == 5
    assert found["version"] == 7
    assert found["tags"] == ["product", "product:5"]
    assert not found["outdated"]
    assert 0 <= found["age_s"] < 60
    assert told(avnu("cache", "show", SHOP, "locations", "--json"))["value"][0]["name"] == "Main"
    cache.invalidate(SHOP, ["product:5"])
    assert told(avnu("cache", "show", SHOP, "product", "5", "--json"))["outdated"]
    assert "outdated" in avnu("cache", "show", SHOP, "product", "5").stdout


def test_show_what_failed_and_what_does_not_exist(avnu: Run, cache: Cache) -> None:
    load = Loader()
    kind = quick(0.05, 60.0)
    cache.get(kind, SHOP, 5, load)
    load.error = ConnectionError()

    def throttled() -> bool:
        cache.get(kind, SHOP, 5, load)
        lease = told(avnu("cache", "show", SHOP, "product", "5", "--json"))["lease"]
        return bool(lease == "failed")

    wait_until(throttled, 20, "the load has failed")
    assert "stale" in avnu("cache", "show", SHOP, "product", "5").stdout
    nothing = Loader()
    nothing.value = None
    cache.get(PRODUCT, SHOP, 6, nothing)
    assert told(avnu("cache", "show", SHOP, "product", "6", "--json"))["value"] is None


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("show", "one-shop", "product", "404"), 3),
        (("show", "one-shop", "product", "a b"), 2),
        (("show", "one-shop", "orders"), 2),
        (("show", "not a shop", "product", "5"), 2),
        (("drop",), 2),
        (("drop", "one-shop", "--all"), 2),
        (("drop", "one-shop", "a b"), 2),
    ],
)
def test_exit_codes(avnu: Run, arguments: tuple[str, ...], code: int) -> None:
    assert avnu("cache", *arguments).exit_code == code


@pytest.mark.parametrize("command", [("stats",), ("show", "one-shop", "shop"), ("drop", "--all")])
def test_no_redis_is_said_so(settings: Settings, command: tuple[str, ...]) -> None:
    away = runner({**settings.to_environ(), "REDIS_PORT": "1"})
    result = away("cache", *command)
    assert result.exit_code == 5
    assert "avnu: " in result.stderr


def test_drop_reaches_the_processes(avnu: Run, cache: Cache) -> None:
    load = Loader()
    for shop, number in ((SHOP, 5), (SHOP, 6), (OTHER, 5)):
        cache.get(PRODUCT, shop, number, load)
    assert cache.stats().values == 3
    assert avnu("cache", "drop", "one-shop", "product:5").exit_code == 0
    wait_until(lambda: cache.stats().values == 2, 10, "one product is forgotten")
    assert avnu("cache", "drop", "one-shop").exit_code == 0
    wait_until(lambda: cache.stats().values == 1, 10, "the shop is forgotten")
    assert avnu("cache", "drop", "--all").exit_code == 0
    wait_until(lambda: cache.stats().values == 0, 10, "everything is forgotten")
    cache.get(PRODUCT, OTHER, 5, load)
    assert load.calls == 4
