"""A total time for reading a body, under servers whose threads read it from a blocking socket.

A socket's own timeout begins anew with every byte, so a sender who drips would hold a thread for
ever. Here one thread watches all readers and shuts the reading side of a socket whose time is
over: its read then ends as if the sender had.
"""

import socket
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from avnu.clock import Clock

# gunicorn's and Werkzeug's names; a server that hands a body over whole needs none.
_SOCKET_KEYS = ("gunicorn.socket", "werkzeug.socket")


def socket_of(environ: Mapping[str, Any]) -> socket.socket | None:
    """The socket that a WSGI request is read from, where the server gives it."""
    for key in _SOCKET_KEYS:
        found = environ.get(key)
        if isinstance(found, socket.socket):
            return found
    return None


def shut(watched: socket.socket | None) -> None:
    """Nothing more is read from this socket; what was received may still be taken out of it."""
    if watched is not None:
        with suppress(OSError):  # the other side was faster
            watched.shutdown(socket.SHUT_RD)


class _Reading:
    def __init__(self, watched: socket.socket | None, until: float) -> None:
        self.watched = watched
        self.until = until
        self.ended = False
        self.late = False


class SlowBodies:
    """Gives every body the same number of seconds. Safe between threads."""

    def __init__(self, within_s: float, clock: Clock) -> None:
        self._within_s = within_s
        self._clock = clock
        self._changed = threading.Condition()
        # All have the same time, so the oldest is the next to end: no heap.
        self._readings: deque[_Reading] = deque()
        self._watcher: threading.Thread | None = None

    @contextmanager
    def reading(self, watched: socket.socket | None) -> Iterator[_Reading]:
        """While a body is read. ``late`` of what it gives tells afterwards that it was cut."""
        reading = _Reading(watched, self._clock.monotonic() + self._within_s)
        with self._changed:
            self._readings.append(reading)
            self._watch()
        try:
            yield reading
        finally:
            with self._changed:
                reading.ended = True
                reading.watched = None

    def _watch(self) -> None:
        # A thread does not follow into a forked child, where this finds it not alive.
        if self._watcher is None or not self._watcher.is_alive():
            self._watcher = threading.Thread(target=self._run, name="slow bodies", daemon=True)
            self._watcher.start()

    def _run(self) -> None:
        with self._changed:
            while self._readings:
                oldest = self._readings[0]
                left = 0.0 if oldest.ended else oldest.until - self._clock.monotonic()
                if left > 0:
                    self._changed.wait(left)
                    continue
                self._readings.popleft()
                if not oldest.ended:
                    oldest.late = True
                    shut(oldest.watched)
            self._watcher = None
