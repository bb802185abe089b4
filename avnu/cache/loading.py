"""One load per key, across threads and processes, and what is served meanwhile.

The way of a value that is not in the process: another thread's load is joined; Redis is asked, and
answers fresh, wait, or load; who loads stores, and gives the lease back. What cannot be decided in
time is loaded directly: the cache may cost a caller CACHE_LEASE_SECONDS, never an exception.
"""

import math
import random
from collections.abc import Callable
from typing import Any

import msgspec

from avnu.cache import entry as entries
from avnu.cache.counters import Counters, Outcome
from avnu.cache.flights import Flight, Flights
from avnu.cache.kinds import Kind
from avnu.cache.local import Held, Local
from avnu.cache.shared import Answer, Question, Shared, Verdict
from avnu.cache.weight import weight
from avnu.clock import Clock
from avnu.errors import CacheEntryUnreadable
from avnu.settings import Settings

_FIRST_PAUSE_S = 0.005
_LONGEST_PAUSE_S = 0.05
_MOST_JOINED = 3  # loads of others that a caller waits for before it loads itself
_MIN_RANDOM = 1e-12

_STORED = "S"
_NOT_STORED = {"O": Outcome.OUTDATED, "N": Outcome.OLDER, "M": Outcome.SERVER_FULL}


class Loaded(msgspec.Struct, frozen=True):
    """What a loader returns. ``value`` None: there is no such thing. ``version`` grows with each
    change of the thing, e.g. its updated_at in ms; 0: not known.
    """

    value: Any
    version: int = 0


class Ask(msgspec.Struct, frozen=True):
    """One ``get`` that the process's memory could not answer."""

    kind: Kind[Any]
    question: Question
    load: Callable[[], Loaded]
    ttl_s: float | None
    ticket: int


class Loading:
    """The loads of one process."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        rng: random.Random,
        *,
        local: Local,
        shared: Shared,
        counters: Counters,
        origin: str,
        passing: tuple[type[BaseException], ...],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._rng = rng
        self._local = local
        self._shared = shared
        self._counters = counters
        self._origin = origin
        self._passing = passing
        self._flights = Flights(local)
        self._owners = 0

    # ---- among the threads of this process

    def value(self, ask: Ask) -> Any:
        """The value, from wherever it comes first. Raises what ``load`` raises."""
        for _ in range(_MOST_JOINED):
            flight, mine = self._flights.join(ask.question.key, ask.question.tags)
            if mine:
                with self._flights.landing(ask.question.key, flight):
                    flight.held = self._fetch(ask)
                return flight.held.value
            if flight.thread == self._thread():
                break
            if not flight.done.wait(self._settings.cache_lease_seconds):
                break
            if flight.error is not None:
                self._count(ask, Outcome.FAILED)
                raise flight.error
            if flight.held is not None and self._good_for(ask, flight, flight.held):
                self._count(ask, Outcome.JOINED)
                return flight.held.value
        return self._fetch(ask).value

    def _thread(self) -> int:
        return Flight(0).thread

    def _good_for(self, ask: Ask, flight: Flight, held: Held) -> bool:
        """It is as new as asked for, and was not invalidated between its begin and the asking."""
        if held.version < ask.question.least:
            return False
        shop = ask.question.key[1]
        return not self._local.touched(flight.ticket, shop, held.tags, until=ask.ticket)
