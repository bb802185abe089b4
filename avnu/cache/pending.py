"""Invalidations that Redis has not heard of yet, because it did not answer.

Until it has, what it holds of those shops is not to be trusted by this process; other processes
are told as soon as it can be reached.
"""

import threading
from collections.abc import Callable, Iterable

from avnu.cache.local import EVERY_SHOP

# Beyond so many shops it is simpler to forget everything.
_MOST_SHOPS = 10_000


Telling = Callable[[str, frozenset[str]], bool]


class Pending:
    """Shops and tags, in the order in which they came. Safe to share between threads."""

    def __init__(self) -> None:
        self._delivering = threading.Lock()
        self._lock = threading.Lock()
        self._tags: dict[str, frozenset[str]] = {}
        self._busy = False

    def __bool__(self) -> bool:
        return self._busy or bool(self._tags)

    def add(self, shop: str, tags: Iterable[str]) -> None:
        """Remember one; without tags all of the shop; EVERY_SHOP is everything."""
        more = frozenset(tags)
        with self._lock:
            if shop == EVERY_SHOP or len(self._tags) >= _MOST_SHOPS:
                self._tags = {EVERY_SHOP: frozenset()}
            elif EVERY_SHOP not in self._tags:
                known = self._tags.get(shop, more)
                self._tags[shop] = known | more if known and more else frozenset()

    def deliver(self, tell: Telling) -> bool:
        """Hand over one after the other until ``tell`` returns False; False then.

        Who calls while another thread delivers waits for it: only after that is Redis' word good.
        """
        with self._delivering:
            while (first := self._take()) is not None:
                done = False
                try:
                    done = tell(*first)
                finally:
                    if not done:
                        self.add(*first)
                    self._busy = False
                if not done:
                    return False
        return True

    def _take(self) -> tuple[str, frozenset[str]] | None:
        # Taken away before it is told: one that comes meanwhile must be told again.
        with self._lock:
            for shop in self._tags:
                self._busy = True
                return shop, self._tags.pop(shop)
        return None
