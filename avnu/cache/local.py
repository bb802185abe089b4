"""The first level: decoded values in this process, bounded in bytes, served without any round trip.

It serves only while messages about invalidations are known to reach the process, and keeps
nothing that was read before such a message came: whoever reads or loads takes a ticket first, and
what has been invalidated since is not kept. Safe to share between threads; never across a fork.
"""

import itertools
import threading
from collections import deque
from collections.abc import Sequence

from avnu.cache.shelf import NOTE_USE_S, Held, Key, Shelf
from avnu.clock import Clock

__all__ = ["EVERY_SHOP", "Held", "Key", "Local"]

# Tickets older than this many invalidations are not good any more.
_REMEMBERED = 4096
EVERY_SHOP = ""


class Local:
    """Values of one process."""

    def __init__(self, max_bytes: int, clock: Clock) -> None:
        self._trusted_until_s = 0.0
        self._now = clock.monotonic
        self._lock = threading.Lock()
        self._shelf = Shelf(max_bytes, clock.monotonic)
        self._front = self._shelf.front
        # Counts without a lock, as ``next`` is one step of the interpreter.
        self._hits: dict[str, itertools.count[int]] = {}
        self._taken: dict[str, int] = {}
        self._number = 0
        self._log: deque[tuple[int, str, tuple[str, ...]]] = deque(maxlen=_REMEMBERED)

    def find(
        self, key: Key, least: int | None = None, oldest_s: float | None = None
    ) -> Held | None:
        """The value of ``key``, of version ``least`` or later, not ``oldest_s`` seconds old yet."""
        now_s = self._now()
        if now_s >= self._trusted_until_s:
            return None
        # One look into a dict needs no lock, which would be a sixth of a hit.
        held = self._front.get(key)
        if held is None or now_s >= held.until_s:
            return None
        if least is not None and held.version < least:
            return None
        if oldest_s is not None and now_s - held.born_s >= oldest_s:
            return None
        if now_s - held.noted_s > NOTE_USE_S:
            with self._lock:
                self._shelf.note_use(key, held, now_s)
        next(self._hits[key[0]])
        return held

    @property
    def open(self) -> bool:
        """True while messages reach the process, so that it may serve and keep."""
        return self._now() < self._trusted_until_s

    def trust(self, until_s: float) -> None:
        """Every message sent so far has been heard; to be said again before ``until_s``."""
        self._trusted_until_s = until_s

    def distrust(self) -> None:
        """Messages may have been missed: nothing that is here may be served."""
        self._trusted_until_s = 0.0
        self.drop(EVERY_SHOP)

    def ticket(self) -> int:
        """To be taken before something is read that ``keep`` shall keep."""
        return self._number

    def keep(self, ticket: int, key: Key, held: Held) -> bool:
        """Keep what was read, unless it was invalidated since ``ticket``, or is too large."""
        with self._lock:
            if not self.open or self._touched(ticket, key[1], held.tags):
                return False
            if held.size > self._shelf.maxsize or held.until_s <= self._now():
                return False
            self._hits.setdefault(key[0], itertools.count())
            self._shelf.put(key, held)
            return True

    def touched(self, since: int, shop: str, tags: Sequence[str], until: int | None = None) -> bool:
        """Was anything with one of ``tags`` invalidated after ticket ``since``, up to ``until``?"""
        with self._lock:
            return self._touched(since, shop, tags, until)

    def drop(self, shop: str, tags: Sequence[str] = ()) -> None:
        """Drop what has one of ``tags``; without tags all of the shop; EVERY_SHOP drops all."""
        with self._lock:
            self._number += 1
            self._log.append((self._number, shop, tuple(tags)))
            if shop == EVERY_SHOP:
                self._shelf.clear()
                return
            for tag in tags or ("",):
                for key in self._shelf.having(shop, tag):
                    self._shelf.remove(key)

    def size(self) -> tuple[int, int]:
        """How many values, and how many bytes they are reckoned to take."""
        with self._lock:
            self._shelf.expire()
            return len(self._shelf), int(self._shelf.currsize)

    def take_hits(self) -> dict[str, int]:
        """The hits since the last call, by kind."""
        taken: dict[str, int] = {}
        with self._lock:
            for kind, hits in self._hits.items():
                number = next(hits)
                taken[kind] = number - self._taken.get(kind, 0)
                self._taken[kind] = number + 1  # this look has counted too
        return {kind: n for kind, n in taken.items() if n}

    def _touched(
        self, since: int, shop: str, tags: Sequence[str], until: int | None = None
    ) -> bool:
        if self._number == since:
            return False
        if not self._log or self._log[0][0] > since + 1:
            return True
        for number, dropped_shop, dropped_tags in reversed(self._log):
            if number <= since:
                return False
            if until is not None and number > until:
                continue
            if dropped_shop == EVERY_SHOP:
                return True
            if dropped_shop == shop and (
                not dropped_tags or not set(dropped_tags).isdisjoint(tags)
            ):
                return True
        return False
