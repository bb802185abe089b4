"""Leaving Redis alone for a while after it failed, and looking again now and then."""

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
    """After a failure one caller per second asks; the others do without."""

    def __init__(self, clock: Clock, rest_s: float = REST_S) -> None:
        self._clock = clock
        self._rest_s = rest_s
        self._again = 0.0
        self.away = False

    def failed(self) -> None:
        """Redis did not answer."""
        self._again = self._clock.monotonic() + self._rest_s
        self.away = True

    def answered(self) -> None:
        """Redis answered."""
        self.away = False

    def may_ask(self) -> bool:
        """True while Redis answers, and for one caller each second while it does not."""
        if not self.away:
            return True
        now = self._clock.monotonic()
        if now < self._again:
            return False
        # Two threads that pass at the same instant cost one attempt more, no harm.
        self._again = now + self._rest_s
        return True
