"""Waiting for events instead of for time."""

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
PAUSE_S = 0.02


def wait_until(condition: Callable[[], T], within_s: float, why: str) -> T:
    """The first true answer of ``condition``, asked again and again for ``within_s`` seconds.

    Raises AssertionError with ``why`` (what was waited for) and the last answer. An error out of
    the condition ends the wait at once: where one is expected, the condition catches it.
    """
    deadline = time.monotonic() + within_s
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {within_s} s: {why} (last answer: {answer!r})")
        time.sleep(PAUSE_S)


@dataclasses.dataclass
class Still:
    """How long this process did not run when it should have."""

    longest_s: float = 0.0
    sum_s: float = 0.0


@contextmanager
def standing_still() -> Iterator[Still]:
    """Measures it while the block runs, for a time limit that has to allow for it."""
    still, ended = Still(), threading.Event()

    def watch() -> None:
        last_s = time.monotonic()
        while not ended.wait(PAUSE_S):
            last_s, late_s = (now_s := time.monotonic()), now_s - last_s - PAUSE_S
            if late_s > PAUSE_S:
                still.longest_s = max(still.longest_s, late_s)
                still.sum_s += late_s

    watching = threading.Thread(target=watch, name="standing-still", daemon=True)
    watching.start()
    try:
        yield still
    finally:
        ended.set()
        watching.join()
