"""One load per key among the threads of a process: the first loads, the others take its result."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from avnu.cache.local import Held, Key, Local


class Flight:
    """One load under way. After ``done``: ``held`` or ``error``; neither when it was given up."""

    def __init__(self, ticket: int) -> None:
        self.ticket = ticket
        self.thread = threading.get_ident()
        self.done = threading.Event()
        self.held: Held | None = None
        self.error: Exception | None = None


class Flights:
    """The loads under way in this process."""

    def __init__(self, local: Local) -> None:
        self._local = local
        self._lock = threading.Lock()
        self._flights: dict[Key, Flight] = {}

    def join(self, key: Key, tags: Sequence[str]) -> tuple[Flight, bool]:
        """The load of ``key``, and whether it is the caller's to do.

        Nobody joins a load that began before an invalidation, nor one of the same thread.
        """
        with self._lock:
            flight = self._flights.get(key)
            if flight is not None and not self._local.touched(flight.ticket, key[1], tags):
                return flight, False
            flight = self._flights[key] = Flight(self._local.ticket())
            return flight, True

    def land(self, key: Key, flight: Flight, end: Held | Exception | None) -> None:
        """The load has ended, with ``end`` or given up; those who wait are told."""
        if isinstance(end, Exception):
            flight.error = end
        elif end is not None:
            flight.held = end
        with self._lock:
            if self._flights.get(key) is flight:
                del self._flights[key]
        flight.done.set()

    @contextmanager
    def landing(self, flights: dict[Key, Flight]) -> Iterator[None]:
        """Around loads: whatever happens, those still in ``flights`` at the end are given up."""
        try:
            yield
        finally:
            for key, flight in flights.items():
                self.land(key, flight, None)
