"""Waiting for events instead of for time."""

import time
from collections.abc import Callable
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
