"""One load per key among the threads of this process; ``fetching`` does it among processes.

The cache may cost a caller some waiting, about CACHE_LEASE_SECONDS, and never an exception.
"""

import threading
from collections.abc import Callable, Iterable, Sequence

from avnu.cache.asking import Ask, Loads
from avnu.cache.calling import End
from avnu.cache.counters import Counters, Outcome
from avnu.cache.fetching import Fetching
from avnu.cache.flights import Flight, Flights
from avnu.cache.local import Held, Key, Local
from avnu.clock import Clock

_MOST_JOINED = 3  # loads of others that a caller waits for before it loads itself

Found = dict[Key, Held]


class Loading:
    """The loads of one process."""

    def __init__(
        self, local: Local, fetching: Fetching, counters: Counters, clock: Clock, *, wait_s: float
    ) -> None:
        self._local = local
        self._fetching = fetching
        self._counters = counters
        self._clock = clock
        self._wait_s = wait_s
        self._flights = Flights(local)

    def values(self, asks: Sequence[Ask], load: Loads) -> Found:
        """The values by key, from wherever each comes first; ``asks`` are of one kind.

        Raises what ``load`` raises.
        """
        found: Found = {}
        try:
            self._find(asks, load, found)
        except BaseException:
            self._counters.add(asks[0].kind.name, Outcome.FAILED, len(asks) - len(found))
            raise
        return found

    def _find(self, asks: Sequence[Ask], load: Loads, found: Found) -> None:
        left = asks
        for _ in range(_MOST_JOINED):
            joined = self._lead(left, load, found)
            left, late = self._follow(joined, load, found)
            if not left:
                return
            if late:
                break
        _take(self._fetching.fetch(left, load), found)

    def _lead(self, asks: Sequence[Ask], load: Loads, found: Found) -> list[tuple[Ask, Flight]]:
        """Fetch what no other thread is fetching; the rest, with the flights to wait for."""
        mine: dict[Key, Flight] = {}
        first, joined = [], []

        def land(key: Key, end: Held | Exception) -> None:
            self._flights.land(key, mine[key], end)
            del mine[key]

        with self._flights.landing(mine):
            for ask in asks:
                flight, is_first = self._flights.join(ask.key, ask.question.tags)
                if is_first:
                    mine[ask.key] = flight
                    first.append(ask)
                else:
                    joined.append((ask, flight))
            _take(self._fetching.fetch(first, load), found, land)
        return joined

    def _follow(
        self, joined: Sequence[tuple[Ask, Flight]], load: Loads, found: Found
    ) -> tuple[list[Ask], bool]:
        """Take what other threads have fetched; what is left, and whether a thread took too long.

        The caller has landed its own by now, so no two threads wait for each other.
        """
        deadline_s = self._clock.monotonic() + self._wait_s
        deadline_s = min([deadline_s, *(ask.until_s for ask, _ in joined)])
        left, within, late = [], [], False
        for ask, flight in joined:
            if flight.thread == threading.get_ident():
                within.append(ask)
            elif not flight.done.wait(max(0.0, deadline_s - self._clock.monotonic())):
                left.append(ask)
                late = True
            elif flight.error is not None and not self._fetching.passes(flight.error):
                raise flight.error
            elif flight.held is not None and self._good(ask, flight, flight.held):
                self._counters.add(ask.kind.name, Outcome.JOINED)
                found[ask.key] = flight.held
            else:
                left.append(ask)
        # A loader that asks for what it is loading would wait for itself.
        _take(self._fetching.directly(within, load), found)
        return left, late

    def _good(self, ask: Ask, flight: Flight, held: Held) -> bool:
        """New enough, and not invalidated between the load's begin and the asking."""
        if held.version < ask.question.least:
            return False
        return not self._local.touched(flight.ticket, ask.key[1], held.tags, until=ask.ticket)


def _take(
    ends: Iterable[End],
    found: Found,
    land: Callable[[Key, Held | Exception], None] = lambda *_: None,
) -> None:
    """Takes all that was found, and raises the error of a load after that."""
    error: Exception | None = None
    for ask, end in ends:
        land(ask.key, end)
        if isinstance(end, Exception):
            error = end
        else:
            found[ask.key] = end
    if error is not None:
        raise error
