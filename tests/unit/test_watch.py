"""Rates and screen of ``avnu status --watch``, without a terminal."""

import io
from typing import Any

import msgspec
from rich.console import Console

from avnu.cli.status_words import working
from avnu.cli.watch_rates import UNKNOWN, WINDOW_S, Window, between
from avnu.cli.watch_screen import Look, screen
from avnu.inbox.longest import Line
from avnu.inbox.overview import AreaState, Overview
from avnu.inbox.workers import Worker


def area(name: str = "orders", **more: Any) -> AreaState:
    numbers = dict.fromkeys(("backlog", "parked", "dead", "done", "superseded", "retries"), 0)
    state = {"oldest_s": 0.0, "deleted": 0, "put_away": 0, "dead_total": {}, **numbers, **more}
    return AreaState(area=name, **state)


def overview(*areas: AreaState, **more: Any) -> Overview:
    state = Overview(
        counters={}, received={"accepted": 0, "duplicate": 0}, missed={}, areas=list(areas),
        solo=0, running=0, suspects=0, partitions_busy=0, full=False, tick_age_s=0.5, workers=[],
        paused=[], parked_shops={},
    )  # fmt: skip
    return msgspec.structs.replace(state, **more)


def test_rates_are_differences_of_counters() -> None:
    before = overview(area(backlog=10, done=5), received={"accepted": 15, "duplicate": 2})
    after = overview(
        area(backlog=4, done=20, superseded=10, dead=1), received={"accepted": 35, "duplicate": 2}
    )
    rates = between(before, after, 2.0)
    assert rates.accepted == {"orders": 10.0}
    assert rates.settled == {"orders": 12.5}
    assert rates.received == {"accepted": 10.0, "duplicate": 0.0}


def test_an_emptied_inbox_stands_still() -> None:
    assert between(overview(area(done=5)), overview(area()), 1.0).settled == {"orders": 0.0}


def test_a_window_forgets_what_is_old() -> None:
    window = Window()
    assert window.add(0.0, overview(area())) == UNKNOWN
    assert window.add(1.0, overview(area(done=100))).settled == {"orders": 100.0}
    assert window.add(WINDOW_S + 0.5, overview(area(done=100))).settled == {"orders": 0.0}


def drawn(look: Look) -> str:
    console = Console(file=io.StringIO(), width=120, markup=False)
    console.print(screen(look))
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_everything_is_on_the_screen() -> None:
    state = overview(
        area("orders", backlog=1234, parked=7, oldest_s=75.0, dead=3, dead_total={"rejected": 4}),
        area("products", backlog=6, dead_total={"poison": 1, "rejected": 1}),
        parked_shops={"frozen": 2}, partitions_busy=9, tick_age_s=float("inf"), full=True,
    )  # fmt: skip
    rates = between(overview(area("orders")), state, 100.0)
    text = drawn(Look(1_700_000_000_000, state, rates, [Line("orders", "a\x1b[2J", 9, "ready")]))
    for words in (
        "1,234", "1 min", "12.4", "1,240", "frozen 2", "rejected 5, poison 1",
        "no worker is up", "answered 503", "never, 9 partitions", "a\\x1b[2J",
        "2023-11-14T22:13:20Z",
    ):  # fmt: skip
        assert words in text, (words, text)
    assert "\x1b" not in text


def test_workers_are_named_with_what_they_take() -> None:
    areas = [area("orders"), area("products")]
    every = Worker("a@one", 4, ["maintenance", "orders", "products"], 0.2)
    one = Worker("b@two", 2, ["orders"], 1.0)
    assert working(overview(*areas)) == "none"
    assert working(overview(*areas, workers=[every, one])) == (
        "2 with 6 processes: a@one, b@two (orders)"
    )
    many = [Worker(f"w{n:02}", 1, ["orders", "products"], 0.0) for n in range(20)]
    text = drawn(Look(0, overview(*areas, workers=many), UNKNOWN, []))
    assert "20 with 20 processes: w00" in text
    assert "w07, and 12 more" in text.replace("\n", " ")


def test_one_look_makes_no_rate_and_an_old_one_says_so() -> None:
    text = drawn(Look(0, overview(area()), UNKNOWN, [], "TimeoutError: away"))
    assert "shown as it was: TimeoutError: away" in text
    assert "0.0" not in text
