"""One call of the loader for all that is due: its answer stored, its error hidden if it may be."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from avnu.cache.asking import Ask, Loaded, Loads
from avnu.cache.counters import Counters, Outcome
from avnu.cache.local import Held, Key
from avnu.cache.packing import Begun, Packed, Packing, passed_on
from avnu.cache.shared import Shared
from avnu.clock import Clock
from avnu.settings import Settings

log = logging.getLogger(__name__)

_STORED = "S"
_NOT_STORED = {"O": Outcome.OUTDATED, "N": Outcome.OLDER, "M": Outcome.SERVER_FULL}

End = tuple[Ask, Held | Exception]
"""How the fetch of one value ended."""


class Calling:
    """Calls loaders for one process. ``passing``: errors that no stale value may hide."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        *,
        packing: Packing,
        shared: Shared,
        counters: Counters,
        passing: tuple[type[Exception], ...],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._packing = packing
        self._shared = shared
        self._counters = counters
        self._passing = passing

    def passes(self, error: Exception) -> bool:
        """True for an error that concerns its own caller alone."""
        return isinstance(error, self._passing)

    def load(self, due: Sequence[Begun], load: Loads) -> list[End]:
        """Load what is due, of one kind, by one call. Raises nothing that is an Exception."""
        for begun in due:
            if begun.spare is not None and begun.spare.fresh:
                self._count(begun, Outcome.EARLY)
        begun_s = self._clock.monotonic()
        try:
            loaded = load([begun.ask.key for begun in due])
        except BaseException as fault:
            hidden = isinstance(fault, Exception) and not self.passes(fault)
            spared = self._failed(due, fault, hidden=hidden)
            if not isinstance(fault, Exception):
                raise
            return [(begun.ask, spared.get(begun.ask.key, fault)) for begun in due]
        return self._loaded(due, loaded, begun_s)

    def _failed(
        self, due: Sequence[Begun], fault: BaseException, *, hidden: bool
    ) -> dict[Key, Held]:
        """Gives the leases back; what may be served instead."""
        throttle_s = self._settings.cache_throttle_seconds
        spared: dict[Key, Held] = {}
        fails = []
        for begun in due:
            self._count(begun, Outcome.LOAD_ERROR)
            spare = begun.spare if hidden else None
            if begun.answer is not None:
                throttle_ms = 0 if spare is None else throttle_s * 1000
                fails.append((begun.ask.question, begun.owner, throttle_ms))
            if spare is not None:
                spared[begun.ask.key] = spare.held
                self._packing.keep(begun, spare.held, min(throttle_s, spare.left_s))
                outcome = Outcome.SHARED if spare.fresh else Outcome.STALE
                self._counters.ended(begun.ask.kind.name, outcome, spare.held.value)
        self._shared.fail(fails)
        if spared:
            name, error = due[0].ask.kind.name, type(fault).__name__
            log.warning("cache: loading %s failed (%s); served from before", name, error)
        return spared

    def _loaded(
        self, due: Sequence[Begun], loaded: Mapping[Key, Loaded[Any]], begun_s: float
    ) -> list[End]:
        cost_s = self._clock.monotonic() - begun_s
        ends: list[End] = []
        made: list[tuple[Begun, Packed]] = []
        for begun in due:
            one = loaded[begun.ask.key]
            self._counters.ended(begun.ask.kind.name, Outcome.LOADED, one.value)
            if one.version < begun.ask.question.least:
                self._count(begun, Outcome.BEHIND)
            if begun.answer is None:
                ends.append((begun.ask, passed_on(begun.ask, one)))
                continue
            packed = self._packing.packed(begun.ask, begun.answer, one, begun_s, cost_s)
            made.append((begun, packed))
            ends.append((begun.ask, packed.held))
        self._store(made, cost_s)
        return ends

    def _store(self, made: Sequence[tuple[Begun, Packed]], cost_s: float) -> None:
        fits, fails = [], []
        for begun, packed in made:
            if len(packed.entry.data) > self._settings.cache_value_bytes:
                self._count(begun, Outcome.TOO_LARGE)
                fails.append((begun.ask.question, begun.owner, 0))
            else:
                fits.append((begun, packed))
        self._shared.fail(fails)
        letters = self._shared.store(
            [(begun.ask.question, begun.owner, packed.entry.pack()) for begun, packed in fits]
        )
        for (begun, packed), letter in zip(fits, letters, strict=True):
            if letter == _STORED:
                self._packing.keep(begun, packed.held, packed.fresh_s - cost_s * (1 + begun.draw))
            elif letter is not None:
                self._count(begun, _NOT_STORED[letter])

    def _count(self, begun: Begun, outcome: Outcome) -> None:
        self._counters.add(begun.ask.kind.name, outcome)
