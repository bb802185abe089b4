"""The first level: decoded values in this process, bounded in bytes, served without any round trip.

It may be asked only while messages about invalidations reach the process (``open``), and keeps
nothing that was read before such a message came: whoever reads or loads takes a ticket first, and
what has been invalidated since is not kept. Safe to share between threads; never across a fork.
"""

import contextlib
import threading
from collections import Counter, deque
from collections.abc import Sequence
from typing import Any

import msgspec
from cachetools import TLRUCache

from avnu.clock import Clock

# Tickets older than this many invalidations are not good any more.
_REMEMBERED = 4096
EVERY_SHOP = ""

Key = tuple[str, str, str]  # kind, shop, id


class Held(msgspec.Struct, frozen=True):
    """A value in the process. Times are monotonic seconds."""

    value: Any
    version: int
    tags: tuple[str, ...]
    born_s: float  # when its load began
    until_s: float  # when to ask Redis again
    size: int  # bytes


def _until(key: Key, held: Held, now_s: float) -> float:  # noqa: ARG001 - cachetools'
    return held.until_s


def _size(held: Held) -> int:
    return held.size


class Local:
    """Values of one process. ``hits`` counts by kind."""

    def __init__(self, max_bytes: int, clock: Clock) -> None:
        self.open = False
        self.hits: Counter[str] = Counter()
        self._now = clock.monotonic
        self._lock = threading.Lock()
        self._items: TLRUCache[Key, Held] = TLRUCache(
            max_bytes, _until, timer=clock.monotonic, getsizeof=_size
        )
        # (shop, tag) and (shop, "") → keys; may name keys that are gone, see _prune.
        self._tagged: dict[tuple[str, str], set[Key]] = {}
        self._names = 0
        self._number = 0
        self._log: deque[tuple[int, str, tuple[str, ...]]] = deque(maxlen=_REMEMBERED)

    def find(
        self, key: Key, least: int | None = None, oldest_s: float | None = None
    ) -> Held | None:
        """The value of ``key``, of version ``least`` or later, not ``oldest_s`` seconds old yet."""
        if not self.open:
            return None
        with self._lock:
            try:
                held = self._items[key]
            except KeyError:
                return None
            if least is not None and held.version < least:
                return None
            if oldest_s is not None and self._now() - held.born_s >= oldest_s:
                return None
            self.hits[key[0]] += 1
            return held

    def ticket(self) -> int:
        """To be taken before something is read that ``keep`` shall keep."""
        return self._number

    def keep(self, ticket: int, key: Key, held: Held) -> bool:
        """Keep what was read, unless it was invalidated since ``ticket``, or is too large."""
        with self._lock:
            if not self.open or self._touched(ticket, key[1], held.tags):
                return False
            if held.size > self._items.maxsize or held.until_s <= self._now():
                return False
            self._items[key] = held
            for tag in ("", *held.tags):
                keys = self._tagged.setdefault((key[1], tag), set())
                self._names -= len(keys)
                keys.add(key)
                self._names += len(keys)
            self._prune()
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
                self._items.clear()
                self._tagged.clear()
                self._names = 0
                return
            for tag in tags or ("",):
                keys = self._tagged.pop((shop, tag), set())
                self._names -= len(keys)
                for key in keys:
                    # cachetools says KeyError also for one that it removed, but had expired.
                    with contextlib.suppress(KeyError):
                        del self._items[key]

    def size(self) -> tuple[int, int]:
        """How many values, and how many bytes they are reckoned to take."""
        with self._lock:
            self._items.expire()
            return len(self._items), int(self._items.currsize)

    def take_hits(self) -> Counter[str]:
        """The hits since the last call, by kind."""
        with self._lock:
            taken, self.hits = self.hits, Counter()
        return taken

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

    def _prune(self) -> None:
        """Forget names of keys that are gone, once they are as many as those that are there."""
        if self._names < 10 * len(self._items) + 1000:
            return
        kept = {
            name: alive
            for name, keys in self._tagged.items()
            if (alive := {key for key in keys if key in self._items})
        }
        self._tagged = kept
        self._names = sum(len(keys) for keys in kept.values())
