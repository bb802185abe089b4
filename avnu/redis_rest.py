"""Leaving Redis alone for a while after it failed, so that not every call waits for it."""

import threading
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import redis

from avnu.clock import Clock

T = TypeVar("T")
REST_S = 1.0


def ask_twice(ask: Callable[[], T]) -> T:
    """Ask, and once more at once if the connection broke: the next one is new.

    Only for scripts that know a request by its id. Not after a timeout: Redis hangs then.
    """
    try:
        return ask()
    except redis.exceptions.ConnectionError:
        return ask()


def as_texts(reply: Iterable[Any]) -> list[Any]:
    """A script's reply with texts for bytes, whether or not the client decodes."""
    return [value.decode() if isinstance(value, bytes) else value for value in reply]


class RedisRest:
    """After a failure one caller per ``rest_s`` asks, after an answer everybody.

    Safe between threads, never across a fork.
    """

    def __init__(self, clock: Clock, rest_s: float = REST_S) -> None:
        self._clock = clock
        self._rest_s = rest_s
        self._lock = threading.Lock()
        self._until_s: float | None = None

    @property
    def away(self) -> bool:
        """True from a failure until the next answer."""
        return self._until_s is not None

    def may_ask(self) -> bool:
        """May the caller ask Redis now? Then it says ``answered`` or ``failed`` afterwards."""
        if not self.away:
            return True
        with self._lock:
            now_s, until_s = self._clock.monotonic(), self._until_s
            if until_s is None:
                return True
            if now_s < until_s:
                return False
            self._until_s = now_s + self._rest_s
            return True

    def failed(self) -> bool:
        """Redis did not answer in time. True when this is news."""
        with self._lock:
            news = self._until_s is None
            self._until_s = self._clock.monotonic() + self._rest_s
            return news

    def answered(self) -> None:
        """Redis is there, be its answer an error."""
        self._until_s = None
