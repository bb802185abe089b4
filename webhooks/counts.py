"""The counters that no script keeps: what was rejected, ignored, or met an inbox out of reach.

And how long answers took (``avnu/inbox/buckets.py``): a stranger's that are refused are not in.
"""

import threading
from collections import Counter

from avnu.errors import InboxUnavailable
from avnu.inbox import Inbox
from avnu.inbox.buckets import ACK, ack_counter
from webhooks.replies import REJECTED, Reply

# Scripts count what became of it; that it was kept says that Shopify is heard of.
_KEPT = "kept"
_ACK_US = f"{ACK}:us"


class Counts:
    """Gathered in the process, flushed once a second, so that any door shows those of all."""

    def __init__(self) -> None:
        self._gathered: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, reply: Reply, took_s: float) -> None:
        """One more delivery with this answer, so long after it began to arrive."""
        name = reply.counted or _KEPT
        with self._lock:
            self._gathered[name] += 1
            if name != REJECTED:
                self._gathered[ack_counter(took_s)] += 1
                self._gathered[_ACK_US] += round(took_s * 1e6)

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
