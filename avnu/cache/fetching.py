"""One load per key among processes: what Redis says is served, waited for, or loaded and stored.

Of several keys each goes its own way, but they go together: one round trip reads all, one call
loads all that are due, one round trip stores them. What another process loads is waited for only
after that, when no lease is held any more; so no two callers wait for each other.
"""

import logging
import math
import random
from collections.abc import Iterator, Sequence

from avnu.cache.asking import Ask, Loads
from avnu.cache.calling import Calling, End
from avnu.cache.counters import Counters, Outcome
from avnu.cache.local import Held, Key, Local
from avnu.cache.packing import Begun, Packing, Spare
from avnu.cache.reading import Reading, Verdict
from avnu.cache.shared import Shared
from avnu.clock import Clock
from avnu.errors import CacheEntryUnreadable
from avnu.settings import Settings

log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.005
_LONGEST_PAUSE_S = 0.05
_SOON_S = 0.1  # how long a value is kept that somebody is replacing
_LEAST_RANDOM = 1e-12


class Fetching:
    """Fetches values for one process. ``passing``: errors that no stale value may hide."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        rng: random.Random,
        *,
        local: Local,
        shared: Shared,
        counters: Counters,
        passing: tuple[type[Exception], ...],
    ) -> None:
        self._lease_s = settings.cache_lease_seconds
        self._clock = clock
        self._rng = rng
        self._local = local
        self._shared = shared
        self._counters = counters
        self._packing = Packing(settings, clock, rng, local)
        self._calling = Calling(
            settings,
            clock,
            packing=self._packing,
            shared=shared,
            counters=counters,
            passing=passing,
        )

    def passes(self, error: Exception) -> bool:
        """True for an error that concerns its own caller alone."""
        return self._calling.passes(error)

    def fetch(self, asks: Sequence[Ask], load: Loads) -> Iterator[End]:
        """Each value as soon as it is there, from Redis or loaded, or the error of its load.

        Ends after a load that failed, whatever is still waited for.
        """
        deadline_s = self._clock.monotonic() + self._lease_s
        deadline_s = min([deadline_s, *(ask.until_s for ask in asks)])
        pause_s = _FIRST_PAUSE_S
        waited: set[Key] = set()
        discarded: set[Key] = set()
        left = asks
        while left:
            over = self._clock.monotonic() >= deadline_s
            due: list[Begun] = []
            waiting: list[Ask] = []
            for begun in self._read(left):
                ask = begun.ask
                if _due(begun, over=over, again=ask.key in discarded):
                    due.append(begun)
                elif begun.spare is not None:
                    yield ask, self._serve(begun, begun.spare)
                else:
                    waiting.append(ask)
                    if begun.unreadable:
                        discarded.add(ask.key)
                    elif ask.key not in waited:
                        waited.add(ask.key)
                        self._counters.add(ask.kind.name, Outcome.WAITED)
            if due:
                ends = self._calling.load(due, load)
                yield from ends
                if any(isinstance(end, Exception) for _, end in ends):
                    return
            elif waiting:
                self._clock.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            left = waiting

    def directly(self, asks: Sequence[Ask], load: Loads) -> list[End]:
        """Load without Redis: nothing is kept, as nobody could say when it is outdated."""
        if not asks:
            return []
        return self._calling.load([Begun(ask, "", 0.0, ask.ticket) for ask in asks], load)

    def _read(self, asks: Sequence[Ask]) -> Iterator[Begun]:
        ticket = self._local.ticket()
        readings = [Reading(ask.question, self._owner(), self._draw()) for ask in asks]
        answers = self._shared.read(readings)
        for ask, reading, answer in zip(asks, readings, answers, strict=True):
            spare, unreadable = None, False
            if answer is not None:
                try:
                    spare = self._packing.spare(ask, answer)
                except CacheEntryUnreadable as fault:
                    self._discard(ask, fault)
                    unreadable = True
            yield Begun(ask, reading.owner, reading.draw, ticket, answer, spare, unreadable)

    def _owner(self) -> str:
        return f"{self._rng.getrandbits(96):x}"

    def _draw(self) -> float:
        return -math.log(max(self._rng.random(), _LEAST_RANDOM))

    def _discard(self, ask: Ask, fault: CacheEntryUnreadable) -> None:
        self._counters.add(ask.kind.name, Outcome.UNREADABLE)
        log.warning("cache: an entry of kind %s cannot be read: %s", ask.kind.name, fault)
        self._shared.remove(ask.question)

    def _serve(self, begun: Begun, spare: Spare) -> Held:
        assert begun.answer is not None
        verdict, hold_s = begun.answer.verdict, begun.answer.hold_ms / 1000
        if verdict is Verdict.WAIT:
            hold_s = min(hold_s, _SOON_S)
        self._packing.keep(begun, spare.held, min(hold_s, spare.left_s))
        outcome = Outcome.SHARED if verdict is Verdict.FRESH else Outcome.STALE
        self._counters.ended(begun.ask.kind.name, outcome, spare.held.value)
        return spare.held


def _due(begun: Begun, *, over: bool, again: bool) -> bool:
    """Is it to be loaded now? ``over``: the longest time of a lease has passed; ``again``: what
    cannot be read was removed before.
    """
    if begun.answer is None or begun.answer.verdict is Verdict.LOAD:
        return True
    if begun.unreadable:
        return again
    return begun.spare is None and over
