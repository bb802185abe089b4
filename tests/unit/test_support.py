"""The tests' own tools: a wait that cannot pass, or a skip that goes unseen, would hide faults."""

import fcntl
import os
import threading
from pathlib import Path

import pytest

from tests.support import require as requiring
from tests.support.side_by_side import let_in
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
    with pytest.raises(pytest.skip.Exception) as skipped:
        requiring.require("no-such-program")
    reasons = [f"Skipped: {skipped.value}", "Skipped: no container engine answers"]
    assert requiring.lacking(reasons) == {"no-such-program": 1}


def test_a_missing_program_fails_where_all_are_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(requiring.REQUIRE, "all")
    with pytest.raises(pytest.fail.Exception, match="no-such-program"):
        requiring.require("no-such-program")


def test_a_program_that_is_there_is_found() -> None:
    assert requiring.require("sh").endswith("/sh")


class Visitor:
    """Asks to be let in, and stays until told to leave."""

    def __init__(self, room: Path, *, alone: bool = False) -> None:
        self.inside = threading.Event()
        self._told = threading.Event()
        self._thread = threading.Thread(target=self._visit, args=(room, alone))
        self._thread.start()

    def leave(self) -> None:
        assert self.inside.wait(5)
        self._told.set()
        self._thread.join()

    def _visit(self, room: Path, alone: bool) -> None:
        with let_in(alone=alone, room=room):
            self.inside.set()
            self._told.wait(5)


def locked(path: Path) -> bool:
    opened = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(opened)
    return False


def test_who_is_to_be_alone_waits_and_keeps_later_ones_out(tmp_path: Path) -> None:
    room = tmp_path / "room"
    room.touch()
    one, other = Visitor(room), Visitor(room)
    assert one.inside.wait(5)
    assert other.inside.wait(5)
    alone = Visitor(room, alone=True)
    wait_until(lambda: locked(tmp_path), 5, "it stands in the door")
    late = Visitor(room)
    assert not alone.inside.wait(0.1)
    one.leave()
    other.leave()
    assert alone.inside.wait(5)
    assert not late.inside.wait(0.1)
    alone.leave()
    late.leave()
