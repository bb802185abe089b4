"""What was sent and what was answered: Shopify's side of the books.

The ledger knows nothing of the inbox. What the receiver must therefore hold is worked out from
it in ``reckoning.py``.
"""

from collections import Counter
from collections.abc import Iterable

import msgspec

from avnu.sandbox.connection import Answer
from avnu.sandbox.delivery import Delivery, DeliveryKind

#: One webhook as the inbox names it: shop and webhook id.
Ref = tuple[str, str]


class Attempt(msgspec.Struct, frozen=True):
    """One request: its answer, and how long that took from the first byte sent."""

    answer: Answer
    took_ms: float

    @property
    def acknowledged(self) -> bool:
        """Answered 2xx: Shopify will not send it again."""
        return 200 <= self.answer.status < 300


class Entry(msgspec.Struct):
    """One delivery and its attempts, oldest first."""

    delivery: Delivery
    attempts: list[Attempt] = msgspec.field(default_factory=list)
    withheld: bool = False  # not sent: what it was to follow was never answered 2xx

    @property
    def acknowledged(self) -> int:
        """How many of its attempts were answered 2xx."""
        return sum(attempt.acknowledged for attempt in self.attempts)

    @property
    def ref(self) -> Ref:
        """The webhook's name in the inbox."""
        return self.delivery.shop, self.delivery.webhook_id


class Ledger:
    """The book of one round of deliveries, an entry for each, in the plan's order."""

    def __init__(self, plan: Iterable[Delivery]) -> None:
        self.entries = {delivery.number: Entry(delivery) for delivery in plan}

    def attempts(self) -> list[Attempt]:
        """Every request that was made."""
        return [attempt for entry in self.entries.values() for attempt in entry.attempts]

    def by_status(self) -> dict[str, int]:
        """How often each answer came: ``{"200": 812, "401": 20, "timeout": 1}``."""
        answers = (attempt.answer for attempt in self.attempts())
        counted = Counter(answer.fault or str(answer.status) for answer in answers)
        return dict(sorted(counted.items()))

    def by_kind(self) -> dict[str, int]:
        """How many deliveries of each kind the plan had."""
        counted = Counter(entry.delivery.kind for entry in self.entries.values())
        return {kind.value: counted[kind] for kind in DeliveryKind if counted[kind]}

    def reached(self) -> bool:
        """Whether anything at all was answered over HTTP."""
        return any(attempt.answer.status for attempt in self.attempts())

    def latency_ms(self, quantile: float) -> float:
        """Time to the answer, e.g. at 0.99, of the attempts that were answered; 0 for none."""
        took = sorted(attempt.took_ms for attempt in self.attempts() if attempt.answer.status)
        return took[min(len(took) - 1, int(quantile * len(took)))] if took else 0.0

    def given_up(self) -> list[Entry]:
        """Sent, retried as long as Shopify does, and never answered 2xx: lost to the shop."""
        entries = (entry for entry in self.entries.values() if entry.delivery.retried)
        return [entry for entry in entries if entry.attempts and not entry.acknowledged]
