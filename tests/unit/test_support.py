"""The tests' own tools: a wait that cannot pass, or a skip that goes unseen, would hide faults."""

import pytest

from tests.support import require as requiring
from tests.support.waiting import wait_until


def test_waiting_gives_the_first_true_answer() -> None:
    answers = iter([0, 0, 7])
    assert wait_until(lambda: next(answers), 5, "seven") == 7


def test_waiting_says_what_it_waited_for() -> None:
    with pytest.raises(AssertionError, match=r"not within 0.05 s: rain \(last answer: 0\)"):
        wait_until(lambda: 0, 0.05, "rain")


def test_an_error_ends_the_wait() -> None:
    with pytest.raises(ZeroDivisionError):
        wait_until(lambda: 1 // 0, 60, "nothing")


def test_a_missing_program_skips_and_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(requiring.REQUIRE, raising=False)
    monkeypatch.setattr(requiring, "missing", {})
    with pytest.raises(pytest.skip.Exception, match="no-such-program"):
        requiring.require("no-such-program")
    assert requiring.missing == {"no-such-program": 1}


def test_a_missing_program_fails_where_all_are_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(requiring.REQUIRE, "all")
    with pytest.raises(pytest.fail.Exception, match="no-such-program"):
        requiring.require("no-such-program")


def test_a_program_that_is_there_is_found() -> None:
    assert requiring.require("sh").endswith("/sh")
