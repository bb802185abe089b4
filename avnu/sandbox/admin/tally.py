"""What the sandbox has seen: counts, and the last calls one by one."""

import threading
from collections import Counter, deque
from typing import Any, NamedTuple

from avnu.sandbox.admin.answer import Answer, Manner


class Seen(NamedTuple):
    """One GraphQL call that was answered."""

    at: float  # monotonic seconds at which it arrived
    shop: str
    status: int  # HTTP; 0 when the connection was reset instead
    operation: str  # name of the operation; "" without


class Tally:
    """The counts. Safe to use from several threads; ``most_seen`` bounds the list of calls."""

    def __init__(self, most_seen: int = 10_000) -> None:
        self._lock = threading.Lock()
        self._seen: deque[Seen] = deque(maxlen=most_seen)
        self._answered: Counter[str] = Counter()
        self._operations: Counter[str] = Counter()
        self._exchanges: Counter[str] = Counter()
        self._shops: dict[str, Counter[str]] = {}

    def arrived(self, shop: str, operation: str) -> None:
        """A GraphQL call is here; its answer may take a while."""
        with self._lock:
            self._operations[operation] += 1
            self._of(shop)["calls"] += 1

    def answered(self, seen: Seen, answer: Answer) -> None:
        """A GraphQL call has its answer, which is about to be sent."""
        status = 0 if answer.manner is Manner.NONE else answer.status
        with self._lock:
            self._seen.append(seen._replace(status=status))
            self._answered[answer.outcome] += 1
            shop = self._of(seen.shop)
            shop["throttled"] += answer.outcome == "throttled"
            shop["points_requested"] += answer.requested
            shop["points_spent"] += answer.spent

    def exchanged(self, grant: str) -> None:
        """Tokens were given out for a grant, or ``refused``."""
        with self._lock:
            self._exchanges[grant] += 1

    def seen(self) -> list[Seen]:
        """The last calls, in the order of their answers."""
        with self._lock:
            return list(self._seen)

    def report(self) -> dict[str, Any]:
        """All counts as one JSON document; points are Shopify's cost points."""
        with self._lock:
            total: Counter[str] = Counter()
            for counts in self._shops.values():
                total.update(counts)
            names = ("calls", "throttled", "points_requested", "points_spent")
            return {
                **{name: total[name] for name in names},
                "answered": dict(self._answered),
                "shops": {
                    shop: {name: counts[name] for name in names}
                    for shop, counts in self._shops.items()
                },
                "operations": dict(self._operations),
                "token_exchanges": dict(self._exchanges),
            }

    def _of(self, shop: str) -> Counter[str]:
        return self._shops.setdefault(shop, Counter())
