"""Leaving Redis alone after it did not answer, so that not every call waits for it."""

import threading

from avnu.clock import Clock


class Rest:
    """After a failure one call per ``rest_s`` may try; after a success all may."""

    def __init__(self, clock: Clock, rest_s: float) -> None:
        self._clock = clock
        self._rest_s = rest_s
        self._lock = threading.Lock()
        self._until_s: float | None = None

    @property
    def resting(self) -> bool:
        """True from a failure until the next success."""
        return self._until_s is not None

    def may_ask(self) -> bool:
        """May the caller ask Redis now? Then it says ``worked`` or ``failed`` afterwards."""
        if self._until_s is None:
            return True
        with self._lock:
            now_s = self._clock.monotonic()
            if now_s < (self._until_s or 0.0):
                return False
            self._until_s = now_s + self._rest_s
            return True

    def failed(self) -> bool:
        """No answer in time. True when this is news."""
        with self._lock:
            news = self._until_s is None
            self._until_s = self._clock.monotonic() + self._rest_s
            return news

    def worked(self) -> None:
        """An answer, be it an error: Redis is there."""
        self._until_s = None
