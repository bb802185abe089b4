"""Invalidations that Redis has not heard of yet, because it did not answer.

Until it has, what it holds of those shops is not to be trusted by this process; other processes
are told as soon as it can be reached.
"""

import threading
from collections.abc import Sequence

from avnu.cache.local import EVERY_SHOP

# Beyond so many shops it is simpler to forget everything.
_MOST_SHOPS = 10_000


class Pending:
    """Shops and tags, in the order in which they came. Safe to share between threads."""

    def __init__(self) -> None:
        self.delivering = threading.Lock()
        self._lock = threading.Lock()
        self._tags: dict[str, set[str]] = {}

    def __bool__(self) -> bool:
        return bool(self._tags)

    def add(self, shop: str, tags: Sequence[str]) -> None:
        """Remember one; without tags all of the shop; EVERY_SHOP is everything."""
        with self._lock:
            if shop == EVERY_SHOP or len(self._tags) >= _MOST_SHOPS:
                self._tags = {EVERY_SHOP: set()}
            elif EVERY_SHOP not in self._tags:
                known = self._tags.get(shop)
                if not tags or known == set():
                    self._tags[shop] = set()
                else:
                    self._tags.setdefault(shop, set()).update(tags)

    def first(self) -> tuple[str, frozenset[str]] | None:
        """One that is to be delivered next, or None."""
        with self._lock:
            for shop, tags in self._tags.items():
                return shop, frozenset(tags)
        return None

    def delivered(self, shop: str, tags: frozenset[str]) -> None:
        """Forget one, unless more tags of the shop have come since."""
        with self._lock:
            known = self._tags.get(shop)
            if known is None:
                return
            left = known - tags
            # No tags is the whole shop: if it became that meanwhile, it is still to be delivered.
            if left or (not known and tags):
                self._tags[shop] = left
            else:
                del self._tags[shop]
