"""What one process knows of a breaker, and what it has not brought to Redis yet."""

import threading
from collections.abc import Callable

from avnu.background import Background
from avnu.breaker.local import LocalBreaker
from avnu.breaker.policy import BreakerPolicy
from avnu.breaker.standing import UNKNOWN, Ticket
from avnu.clock import Clock
from avnu.redis_rest import RedisRest

Row = tuple[int, str, int, int, str, str]
"""Generation, shop, good calls, bad calls, the last of them ``+`` ``-`` ``i``, permit or ''."""


class BreakerProcess:
    """See :class:`avnu.per_process.PerProcess`: a child of a fork begins with one of its own."""

    def __init__(
        self,
        name: str,
        policy: BreakerPolicy,
        clock: Clock,
        tend: Callable[[], bool],
        tend_s: float,
    ) -> None:
        self.lock = threading.Lock()
        # Held while a stale standing is made fresh: when Redis hangs, one caller waits, not all.
        self.asking = threading.Lock()
        self.standing = UNKNOWN
        self.used = clock.monotonic()
        self.ask_again = 0.0
        self.local = LocalBreaker(policy)
        self.rest = RedisRest(clock)
        self.background = Background(f"breaker-{name}", tend, tend_s)
        self._counted: dict[tuple[int, str], list[int]] = {}
        self._last: dict[tuple[int, str], str] = {}
        self._probed: list[Row] = []

    def gather(self, ticket: Ticket, last: str) -> None:
        """Note what an admitted call came to."""
        with self.lock:
            if ticket.probe:
                row = (ticket.generation, ticket.shop, int(last == "+"), int(last == "-"))
                self._probed.append((*row, last, ticket.probe))
                return
            key = (ticket.generation, ticket.shop)
            counts = self._counted.get(key)
            if counts is None:
                counts = self._counted[key] = [0, 0]
            counts[last == "-"] += 1
            self._last[key] = last

    def take(self) -> list[Row]:
        """What was noted; it is forgotten here."""
        with self.lock:
            counted, self._counted = self._counted, {}
            last, self._last = self._last, {}
            probed, self._probed = self._probed, []
        rows: list[Row] = [(*key, good, bad, last[key], "") for key, (good, bad) in counted.items()]
        return rows + probed

    @property
    def gathered(self) -> bool:
        """Is there anything to bring to Redis?"""
        return bool(self._counted or self._probed)

    @property
    def failures(self) -> int:
        """Bad calls that are not yet brought to Redis."""
        with self.lock:
            return sum(bad for _, bad in self._counted.values())
