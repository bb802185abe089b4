"""`avnu breaker …` and `avnu shops budget`, on the session's server."""

from collections.abc import Iterator

import pytest

from avnu.clock import SystemClock
from avnu.connections import Connections
from avnu.guards import Class, Guards, Outcome, OutcomeKind, Permit, build_guards
from avnu.settings import Settings
from tests.support.command import Run, runner, told
from tests.support.guards import answer, fail, granted, shop
from tests.support.inbox import BACK, accept, begin, open_inbox, parkings, place, settle

pytest_plugins = ("tests.support.command_fixtures",)


@pytest.fixture
def guards(settings: Settings) -> Iterator[Guards]:
    connections = Connections(settings)
    # Its thread may have taken what ``flush`` is to bring, and not have brought it yet.
    made = build_guards(settings, connections.cache(), SystemClock(), background=False)
    yield made
    made.close()
    connections.close()


def breaker_of(avnu: Run) -> dict[str, object]:
    (only,) = told(avnu("breaker", "list", "--json"))["breakers"]
    assert isinstance(only, dict)
    return only


def test_nothing_is_known_at_first(avnu: Run) -> None:
    assert breaker_of(avnu)["state"] == "closed"
    assert "shopify" in avnu("breaker", "list").stdout


def test_the_list_shows_calls_and_shops(avnu: Run, guards: Guards) -> None:
    answer(guards, granted(guards, shop(1)))
    fail(guards, shop(2), 3)
    found = breaker_of(avnu)
    assert (found["good_calls"], found["bad_calls"]) == (1, 3)
    assert (found["shops"], found["failing_shops"]) == (2, 1)


def test_open_close_auto(avnu: Run, guards: Guards) -> None:
    assert "forced open" in avnu("breaker", "open").stdout
    assert "already" in avnu("breaker", "open", "shopify").stdout
    assert breaker_of(avnu)["state"] == "forced-open"
    assert "forced-open" in avnu("breaker", "list").stdout
    assert not isinstance(guards.acquire(shop(1), "q"), Permit)
    assert avnu("breaker", "close").exit_code == 0
    assert breaker_of(avnu)["state"] == "forced-closed"
    assert "decides" in avnu("breaker", "auto").stdout
    assert "already" in avnu("breaker", "auto").stdout
    assert breaker_of(avnu)["state"] == "closed"


@pytest.mark.parametrize("word", ["close", "auto"])
def test_what_waited_for_it_goes_on(avnu: Run, settings: Settings, word: str) -> None:
    inbox = open_inbox(settings)
    accept(inbox, 1)
    settle(begin(inbox)[0], BACK, park=parkings("one", "breaker", 10**6))
    avnu("breaker", "open")
    assert place(inbox)[0] == "p", "opening lets nobody go on"
    assert "waited and go on now: 1" in avnu("breaker", word).stderr
    assert place(inbox)[0] == "r"
    inbox.client.close()


def test_an_unknown_breaker_is_not_found(avnu: Run) -> None:
    result = avnu("breaker", "open", "nonsense")
    assert result.exit_code == 3
    assert "shopify" in result.stderr


def test_a_server_that_is_away_is_exit_code_5(settings: Settings) -> None:
    away = runner(settings.to_environ() | {"REDIS_PORT": "1"})
    for command in (("list",), ("open",), ("auto",)):
        assert away("breaker", *command).exit_code == 5


def test_a_shop_s_budget(avnu: Run, guards: Guards) -> None:
    assert "no answer" in avnu("shops", "budget", "shop-1").stdout
    permit = granted(guards, shop(1))
    guards.outcome(
        permit,
        Outcome(kind=OutcomeKind.OK, actual=5, available=1995, maximum=2000, restore_rate=100),
    )
    guards.flush()
    granted(guards, shop(1), "dear", 300, Class.BULK)
    found = told(avnu("shops", "budget", shop(1), "--json"))
    assert (found["capacity"], found["restore_rate"], found["reserved"]) == (2000, 100, 300)
    assert found["reservations"] == 1
    shown = avnu("shops", "budget", "shop-1").stdout
    assert "of 2000 points" in shown
    assert "300 points in 1 calls" in shown
