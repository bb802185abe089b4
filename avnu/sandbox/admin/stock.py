"""What inventory mutations have changed: pieces of an item at a location."""

import threading
from collections import Counter


class Stock:
    """The changes in one shop. Hold ``lock`` from reading to adjusting."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._changes: Counter[tuple[int, int]] = Counter()

    def change(self, item_id: int, location_id: int | None = None) -> int:
        """Pieces of an item added since the start: at a location, or at all of them."""
        if location_id is not None:
            return self._changes[item_id, location_id]
        return sum(delta for (item, _), delta in list(self._changes.items()) if item == item_id)

    def adjust(self, item_id: int, location_id: int, delta: int) -> None:
        """Add ``delta`` pieces, which may be negative."""
        with self.lock:
            self._changes[item_id, location_id] += delta
