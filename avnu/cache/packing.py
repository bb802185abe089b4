"""From entries to values and back, with their lifetimes and tags, and keeping them meanwhile."""

import random
from typing import Any

import msgspec

from avnu.cache import entry as entries
from avnu.cache.asking import Ask, Loaded, words
from avnu.cache.entry import Entry
from avnu.cache.local import Held, Local
from avnu.cache.reading import Answer
from avnu.cache.weight import weight
from avnu.clock import Clock
from avnu.settings import Settings


class Spare(msgspec.Struct, frozen=True):
    """A value from Redis: still fresh or not, and for how many seconds it may be served at all."""

    held: Held
    fresh: bool
    left_s: float


class Packed(msgspec.Struct, frozen=True):
    """A loaded value. ``entry`` is for Redis; the process may ask again after ``fresh_s``."""

    held: Held
    entry: Entry
    fresh_s: float


class Begun(msgspec.Struct, frozen=True):
    """A value after it was read. ``ticket``: from before that; ``answer`` None: Redis gave none."""

    ask: Ask
    owner: str
    draw: float
    ticket: int
    answer: Answer | None = None
    spare: Spare | None = None
    unreadable: bool = False


class Packing:
    """Packs what was loaded, unpacks what Redis holds, and keeps either in one process."""

    def __init__(self, settings: Settings, clock: Clock, rng: random.Random, local: Local) -> None:
        self._settings = settings
        self._clock = clock
        self._rng = rng
        self._local = local

    def spare(self, ask: Ask, answer: Answer) -> Spare | None:
        """What ``answer`` brings that may be served. Raises CacheEntryUnreadable."""
        if not answer.raw:
            return None
        entry = entries.unpack(answer.raw)
        value = entries.decode(ask.kind, entry)
        age_s = max(0, answer.now_ms - entry.started_ms) / 1000
        held = self._held(value, entry, self._clock.monotonic() - age_s)
        return Spare(held, age_s < entry.fresh_ms / 1000, entry.keep_ms / 1000 - age_s)

    def packed(
        self, ask: Ask, answer: Answer, loaded: Loaded[Any], begun_s: float, cost_s: float
    ) -> Packed:
        """What was loaded: begun at ``begun_s`` (monotonic) after ``answer``, within ``cost_s``."""
        fresh_s, keep_s = self._lifetimes(ask, loaded)
        form, data = entries.encode(loaded.value)
        entry = Entry(
            epoch=answer.epoch,
            began=answer.seq,
            started_ms=answer.now_ms,
            fresh_ms=int(fresh_s * 1000),
            keep_ms=int(keep_s * 1000),
            cost_ms=int(cost_s * 1000),
            version=max(0, loaded.version),
            form=form,
            tags=tags(ask, loaded),
            data=data,
        )
        return Packed(self._held(loaded.value, entry, begun_s), entry, fresh_s)

    def keep(self, begun: Begun, held: Held, hold_s: float) -> None:
        """Keep a value in the process for so long, unless it was invalidated since it was read."""
        hold_s = min(hold_s, self._settings.cache_local_seconds)
        if held.size and hold_s > 0:
            until_s = self._clock.monotonic() + hold_s
            kept = msgspec.structs.replace(held, until_s=until_s)
            self._local.keep(begun.ticket, begun.ask.key, kept)

    def _lifetimes(self, ask: Ask, loaded: Loaded[Any]) -> tuple[float, float]:
        """For how many seconds it is fresh, jittered, and for how many it is kept."""
        spread = self._settings.cache_jitter_percent / 100
        jitter = 1 + spread * (2 * self._rng.random() - 1)
        if loaded.value is None:
            # Nothing is not served in place of something that could not be loaded.
            negative_s = self._settings.cache_negative_seconds * jitter
            return negative_s, negative_s
        fresh_s = (ask.kind.fresh_s if ask.ttl_s is None else ask.ttl_s) * jitter
        return fresh_s, max(ask.kind.keep_s, fresh_s)

    def _held(self, value: Any, entry: Entry, born_s: float) -> Held:
        size = weight(value) if self._local.open else 0
        return Held(value, entry.version, entry.tags, born_s, born_s, size)


def passed_on(ask: Ask, loaded: Loaded[Any]) -> Held:
    """A loaded value that nobody keeps."""
    return Held(loaded.value, loaded.version, tags(ask, loaded), 0.0, 0.0, 0)


def tags(ask: Ask, loaded: Loaded[Any]) -> tuple[str, ...]:
    """Those known before the load, and those that the value tells. Raises ValueError."""
    more = () if loaded.value is None else ask.kind.tags(loaded.value)
    return (*ask.question.tags, *words(more))
