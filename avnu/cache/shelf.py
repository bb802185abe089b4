"""cachetools' TLRU cache with what it lacks here: finding by tag, and a way in that costs less.

Not safe to share between threads: ``local.py`` has the lock.
"""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from cachetools import TLRUCache

Key = tuple[str, str, str]  # kind, shop, id

# Use is noted so often at most: moving a key to the end of the order costs more than finding it.
NOTE_USE_S = 1.0


class Held(msgspec.Struct):
    """A value in the process. Times are monotonic seconds. Not to be changed, but by the shelf."""

    value: Any
    version: int
    tags: tuple[str, ...]
    born_s: float  # when its load began
    until_s: float  # when to ask Redis again
    size: int  # bytes
    noted_s: float = 0.0  # when its use was noted last


def _until(key: Key, held: Held, now_s: float) -> float:  # noqa: ARG001 - cachetools'
    return held.until_s


def _size(held: Held) -> int:
    return held.size


class Shelf(TLRUCache[Key, Held]):
    """Values by key, bounded in bytes: the expired go first, then the least recently used.

    ``front`` is for looking up only, by any thread; what it finds may have expired.
    """

    def __init__(self, max_bytes: int, monotonic: Callable[[], float]) -> None:
        super().__init__(max_bytes, _until, timer=monotonic, getsizeof=_size)
        # The same values once more: cachetools' own way to one costs three times as much as a hit.
        self.front: dict[Key, Held] = {}
        self._tagged: dict[tuple[str, str], set[Key]] = {}  # (shop, tag), and (shop, "") for all

    def note_use(self, key: Key, held: Held, now_s: float) -> None:
        """The value was used, so it is among the last to go."""
        held.noted_s = now_s
        self.get(key)

    def put(self, key: Key, held: Held) -> None:
        """Keep a value, and let go of others until there is room."""
        self.remove(key)
        self[key] = held
        if key in self:
            self.front[key] = held
            for name in self._names(key, held):
                self._tagged.setdefault(name, set()).add(key)

    def remove(self, key: Key) -> None:
        """Let go of a value, if it is there."""
        held = self.front.get(key)
        if held is not None:
            self.pop(key, None)
            self._gone(key, held)

    def having(self, shop: str, tag: str) -> Iterable[Key]:
        """The keys of a shop that have ``tag``; all of the shop for ""."""
        return tuple(self._tagged.get((shop, tag), ()))

    def clear(self) -> None:
        """Let go of everything."""
        super().clear()
        self.front.clear()
        self._tagged.clear()

    # ---- cachetools says here what it lets go of by itself

    def popitem(self) -> tuple[Key, Held]:
        """Lets go of the least recently used."""
        key, held = super().popitem()
        self._gone(key, held)
        return key, held

    def expire(self, time: float | None = None) -> Any:
        """Lets go of those whose time is over."""
        expired: Any = super().expire(time)
        for key, held in expired:
            self._gone(key, held)
        return expired

    def _gone(self, key: Key, held: Held) -> None:
        self.front.pop(key, None)
        for name in self._names(key, held):
            keys = self._tagged.get(name)
            if keys is not None:
                keys.discard(key)
                if not keys:
                    del self._tagged[name]

    def _names(self, key: Key, held: Held) -> list[tuple[str, str]]:
        return [(key[1], tag) for tag in ("", *held.tags)]
