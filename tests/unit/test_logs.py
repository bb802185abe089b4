"""Lines of the log: one line of ASCII each, whatever is in it, and no words of strangers."""

import json
import logging
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avnu import journal
from avnu.errors import HandlerFailed
from avnu.inbox.turn import Letter, Verdict
from avnu.logs import JOURNAL, LineFormatter, about
from avnu.settings import LogFormat
from tests.integration.test_logs import text_line
from tests.support.deliveries import Maker

TEXT, JSON = LineFormatter(LogFormat.TEXT), LineFormatter(LogFormat.JSON)


def record(event: str, exc_info: Any = None, **extra: Any) -> logging.LogRecord:
    logger = logging.getLogger("avnu.test")
    return logger.makeRecord("avnu.test", logging.INFO, "x.py", 1, event, (), exc_info, None, extra)


@given(event=st.text(), value=st.text() | st.lists(st.text()))
def test_whatever_is_told_is_one_line_that_reads_back(event: str, value: str | list[str]) -> None:
    made = record(event.replace("%", ""), **about(value=value))
    for formatter in (TEXT, JSON):
        line = formatter.format(made)
        assert line.isascii()
        assert line.isprintable()
    assert json.loads(JSON.format(made))["value"] == value
    assert json.loads(JSON.format(made))["event"] == event.replace("%", "")
    flat = ",".join(value) if isinstance(value, list) else value
    assert text_line(TEXT.format(made))["value"] == flat


def test_time_is_utc_to_the_ms() -> None:
    made = record("x")
    made.created = 1_800_000_000.9996
    assert json.loads(JSON.format(made))["time"] == "2027-01-15T08:00:00.999Z"


def test_an_exception_is_told_by_kind_and_place_and_its_words_only_where_they_are_harmless() -> (
    None
):
    def fail() -> None:
        try:
            int("someone@example.com")
        except ValueError as fault:
            raise HandlerFailed("ValueError at orders.py:7") from fault

    try:
        fail()
    except HandlerFailed:
        made = record("it failed", sys.exc_info())
    line = json.loads(JSON.format(made))
    assert line["error"] == "HandlerFailed: ValueError at orders.py:7 from ValueError"
    assert line["trace"].endswith("fail")
    assert "someone" not in TEXT.format(made) + JSON.format(made)


def test_a_line_of_celery_about_a_task_names_it_in_fields() -> None:
    data = {"id": "123", "name": "tasks.orders.drain", "runtime": 1.0}
    line = json.loads(JSON.format(record("Task …", data=data)))
    assert (line["task"], line["task_id"]) == ("tasks.orders.drain", "123")


def test_the_context_is_asked_at_each_line() -> None:
    formatter = LineFormatter(LogFormat.TEXT, lambda: {"task_id": "abc"})
    assert formatter.format(record("x")).endswith("event=x task_id=abc")


def test_the_journal_tells_of_a_turn_in_one_line(
    caplog: pytest.LogCaptureFixture, maker: Maker
) -> None:
    webhooks = [maker.make("a"), maker.make("b"), maker.make("b")]
    letters = (Letter.DONE, Letter.FAILED, Letter.DONE)
    with caplog.at_level(logging.INFO, JOURNAL):
        journal.settled("orders", 3, webhooks, [Verdict(letter) for letter in letters], kept=True)
    [made] = caplog.records
    line = text_line(TEXT.format(made))
    assert (line["event"], line["done"], line["failed"]) == (
        "settled", "a/w-000001,b/w-000003", "b/w-000002",
    )  # fmt: skip


@pytest.fixture
def maker() -> Maker:
    import random

    return Maker(random.Random(1))
