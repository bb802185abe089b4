"""One load per key among the threads of this process; ``fetching`` does it among processes.

The cache may cost a caller some waiting, at most CACHE_LEASE_SECONDS, and never an exception.
"""

import threading
from typing import Any

from avnu.cache.asking import Ask
from avnu.cache.counters import Counters, Outcome
from avnu.cache.fetching import Fetching
from avnu.cache.flights import Flight, Flights
from avnu.cache.local import Held, Local

_MOST_JOINED = 3  # loads of others that a caller waits for before it loads itself


class Loading:
    """The loads of one process."""

    def __init__(
        self, local: Local, fetching: Fetching, counters: Counters, *, wait_s: float
    ) -> None:
        self._local = local
        self._fetching = fetching
        self._counters = counters
        self._wait_s = wait_s
        self._flights = Flights(local)

    def value(self, ask: Ask) -> Any:
        """The value, from wherever it comes first. Raises what ``load`` raises."""
        for _ in range(_MOST_JOINED):
            flight, mine = self._flights.join(ask.key, ask.question.tags)
            if mine:
                with self._flights.landing(ask.key, flight):
                    flight.held = self._fetching.fetch(ask)
                return flight.held.value
            if flight.thread == threading.get_ident():
                # A loader that asks for what it is loading would wait for itself.
                return self._fetching.directly(ask).value
            if not flight.done.wait(self._wait_s):
                break
            if flight.error is not None and not self._fetching.passes(flight.error):
                self._counters.add(ask.kind.name, Outcome.FAILED)
                raise flight.error
            if flight.held is not None and self._good(ask, flight, flight.held):
                self._counters.add(ask.kind.name, Outcome.JOINED)
                return flight.held.value
        return self._fetching.fetch(ask).value

    def _good(self, ask: Ask, flight: Flight, held: Held) -> bool:
        """New enough, and not invalidated between the load's begin and the asking."""
        if held.version < ask.question.least:
            return False
        return not self._local.touched(flight.ticket, ask.key[1], held.tags, until=ask.ticket)
