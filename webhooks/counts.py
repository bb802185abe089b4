"""The counters that no script keeps: what was rejected, ignored, or met an inbox out of reach."""

import threading
from collections import Counter

from avnu.errors import InboxUnavailable
from avnu.inbox import Inbox


class Counts:
    """Gathered in the process, flushed once a second, so that any door shows those of all."""

    def __init__(self) -> None:
        self._gathered: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, name: str) -> None:
        """One more delivery with this outcome; an empty name counts nothing."""
        if name:
            with self._lock:
                self._gathered[name] += 1

    def flush(self, inbox: Inbox) -> None:
        """Move what was gathered to the inbox, which also notes its memory; one round trip.

        Raises InboxUnavailable, and then has kept the numbers for the next time.
        """
        with self._lock:
            taken, self._gathered = self._gathered, Counter()
        try:
            inbox.flush_counters(taken)
        except InboxUnavailable:
            with self._lock:
                self._gathered += taken
            raise
