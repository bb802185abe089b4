"""One load per key among processes: what Redis says is served, waited for, or loaded and stored."""

import logging
import math
import random
from typing import Any

import msgspec

from avnu.cache import entry as entries
from avnu.cache.asking import Ask, Loaded, words
from avnu.cache.counters import Counters, Outcome
from avnu.cache.entry import Entry
from avnu.cache.local import Held, Local
from avnu.cache.shared import Answer, Shared, Verdict
from avnu.cache.weight import weight
from avnu.clock import Clock
from avnu.errors import CacheEntryUnreadable
from avnu.settings import Settings

log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.005
_LONGEST_PAUSE_S = 0.05
_SOON_S = 0.1  # how long a value is kept that somebody is replacing
_LEAST_RANDOM = 1e-12

_STORED = "S"
_NOT_STORED = {"O": Outcome.OUTDATED, "N": Outcome.OLDER, "M": Outcome.SERVER_FULL}


class Spare(msgspec.Struct, frozen=True):
    """A value from Redis: still fresh or not, and for how many seconds it may be served at all."""

    held: Held
    fresh: bool
    left_s: float


class Begun(msgspec.Struct, frozen=True):
    """A load that begins now: by whom, by which answer, with which draw, since which ticket."""

    owner: str
    answer: Answer
    draw: float
    ticket: int
    spare: Spare | None


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
        self._settings = settings
        self._clock = clock
        self._rng = rng
        self._local = local
        self._shared = shared
        self._counters = counters
        self._passing = passing

    def passes(self, error: BaseException) -> bool:
        """True for an error that concerns its own caller alone."""
        return isinstance(error, self._passing)

    def fetch(self, ask: Ask) -> Held:
        """The value from Redis, or loaded. Raises what ``load`` raises, unless there is a spare."""
        owner = f"{self._rng.getrandbits(96):x}"
        deadline_s = self._clock.monotonic() + self._settings.cache_lease_seconds
        pause_s, discarded = _FIRST_PAUSE_S, False
        while True:
            ticket = self._local.ticket()
            draw = -math.log(max(self._rng.random(), _LEAST_RANDOM))
            answer = self._shared.read(ask.question, owner, draw)
            if answer is None:
                return self.directly(ask)
            try:
                spare = self._spare(ask, answer)
            except CacheEntryUnreadable as fault:
                self._discard(ask, fault)
                spare = None
                if answer.verdict is not Verdict.LOAD:
                    if discarded:
                        return self.directly(ask)
                    discarded = True  # asked once more, now that it is gone
                    continue
            begun = Begun(owner, answer, draw, ticket, spare)
            if answer.verdict is Verdict.LOAD:
                return self._load(ask, begun)
            if spare is not None:
                return self._serve(ask, begun, spare)
            if self._clock.monotonic() >= deadline_s:
                return self._load(ask, begun)
            if pause_s == _FIRST_PAUSE_S:
                self._count(ask, Outcome.WAITED)
            self._clock.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    # ---- serving

    def _spare(self, ask: Ask, answer: Answer) -> Spare | None:
        if not answer.raw:
            return None
        entry = entries.unpack(answer.raw)
        value = entries.decode(ask.kind, entry)
        age_s = max(0, answer.now_ms - entry.started_ms) / 1000
        held = self._held(value, entry, self._clock.monotonic() - age_s)
        return Spare(held, age_s < entry.fresh_ms / 1000, entry.keep_ms / 1000 - age_s)

    def _serve(self, ask: Ask, begun: Begun, spare: Spare) -> Held:
        fresh = begun.answer.verdict is Verdict.FRESH
        hold_s = begun.answer.hold_ms / 1000
        if begun.answer.verdict is Verdict.WAIT:
            hold_s = min(hold_s, _SOON_S)
        self._keep(ask, begun, spare.held, min(hold_s, spare.left_s))
        self._count(ask, Outcome.SHARED if fresh else Outcome.STALE)
        return self._counted(ask, spare.held)

    def _discard(self, ask: Ask, fault: CacheEntryUnreadable) -> None:
        self._count(ask, Outcome.UNREADABLE)
        log.warning("cache: an entry of kind %s cannot be read: %s", ask.kind.name, fault)
        self._shared.remove(ask.question)

    # ---- loading

    def directly(self, ask: Ask) -> Held:
        """Load without Redis: nothing is kept, as nobody could say when it is outdated."""
        try:
            loaded = ask.load()
        except Exception:
            self._count(ask, Outcome.FAILED)
            raise
        self._count(ask, Outcome.LOADED)
        held = Held(loaded.value, loaded.version, self._tags(ask, loaded), 0.0, 0.0, 0)
        return self._counted(ask, held)

    def _load(self, ask: Ask, begun: Begun) -> Held:
        if begun.spare is not None and begun.spare.fresh:
            self._count(ask, Outcome.EARLY)
        begun_s = self._clock.monotonic()
        try:
            loaded = ask.load()
        except BaseException as fault:
            spared = self._failed(ask, begun, fault)
            if spared is None:
                raise
            return spared
        self._count(ask, Outcome.LOADED)
        if loaded.version < ask.question.least:
            self._count(ask, Outcome.BEHIND)
        return self._counted(ask, self._store(ask, begun, loaded, begun_s))

    def _failed(self, ask: Ask, begun: Begun, fault: BaseException) -> Held | None:
        """Gives the lease back; what is served instead, or None when the error must go on."""
        self._count(ask, Outcome.LOAD_ERROR)
        spare = begun.spare
        if spare is None or not isinstance(fault, Exception) or self.passes(fault):
            self._shared.fail(ask.question, begun.owner, 0)
            self._count(ask, Outcome.FAILED)
            return None
        throttle_s = self._settings.cache_throttle_seconds
        self._shared.fail(ask.question, begun.owner, throttle_s * 1000)
        log.warning(
            "cache: loading %s failed (%s); served from before", ask.kind.name, type(fault).__name__
        )
        self._keep(ask, begun, spare.held, min(throttle_s, spare.left_s))
        self._count(ask, Outcome.SHARED if spare.fresh else Outcome.STALE)
        return self._counted(ask, spare.held)

    def _store(self, ask: Ask, begun: Begun, loaded: Loaded[Any], begun_s: float) -> Held:
        cost_s = self._clock.monotonic() - begun_s
        fresh_s, keep_s = self._lifetimes(ask, loaded)
        form, data = entries.encode(loaded.value)
        entry = Entry(
            epoch=begun.answer.epoch,
            began=begun.answer.seq,
            started_ms=begun.answer.now_ms,
            fresh_ms=int(fresh_s * 1000),
            keep_ms=int(keep_s * 1000),
            cost_ms=int(cost_s * 1000),
            version=max(0, loaded.version),
            form=form,
            tags=self._tags(ask, loaded),
            data=data,
        )
        held = self._held(loaded.value, entry, begun_s)
        if len(data) > self._settings.cache_value_bytes:
            self._shared.fail(ask.question, begun.owner, 0)
            self._count(ask, Outcome.TOO_LARGE)
            return held
        letter = self._shared.store(ask.question, begun.owner, entry.pack())
        if letter == _STORED:
            self._keep(ask, begun, held, fresh_s - cost_s - cost_s * begun.draw)
        elif letter is not None:
            self._count(ask, _NOT_STORED[letter])
        return held

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

    # ---- what both need

    def _tags(self, ask: Ask, loaded: Loaded[Any]) -> tuple[str, ...]:
        more = () if loaded.value is None else ask.kind.tags(loaded.value)
        return (*ask.question.tags, *words(more))

    def _held(self, value: Any, entry: Entry, born_s: float) -> Held:
        size = weight(value) if self._local.open else 0
        return Held(value, entry.version, entry.tags, born_s, born_s, size)

    def _keep(self, ask: Ask, begun: Begun, held: Held, hold_s: float) -> None:
        hold_s = min(hold_s, self._settings.cache_local_seconds)
        if held.size and hold_s > 0:
            until_s = self._clock.monotonic() + hold_s
            kept = msgspec.structs.replace(held, until_s=until_s)
            self._local.keep(begun.ticket, ask.key, kept)

    def _counted(self, ask: Ask, held: Held) -> Held:
        if held.value is None:
            self._count(ask, Outcome.ABSENT)
        return held

    def _count(self, ask: Ask, outcome: Outcome) -> None:
        self._counters.add(ask.kind.name, outcome)
