"""A delivery plan in the making: what mischief takes from, adds to and moves."""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from avnu.sandbox.day import DAY_S
from avnu.sandbox.delivery import Delivery, DeliveryKind

#: What is called late is at least an hour late, and at most a day (Shopify's own figure).
LEAST_LATE_S = 3600.0


class Draft:
    """A plan in the making: deliveries with the place they shall have.

    Every kind of mischief takes webhooks that no other has touched, so that the ledger can say
    of each what must become of it.
    """

    def __init__(self, genuine: Sequence[Delivery], rng: random.Random) -> None:
        self.rng = rng
        self.genuine = list(genuine)
        self.place = {delivery.number: float(n) for n, delivery in enumerate(genuine)}
        self.extra: list[Delivery] = []
        self._untouched = list(range(len(genuine)))
        rng.shuffle(self._untouched)

    def ordered(self) -> list[Delivery]:
        """The plan: everything, in the order of its places."""
        everything = self.genuine + self.extra
        return sorted(
            everything, key=lambda delivery: (self.place[delivery.number], delivery.number)
        )

    def take(self, rate: float, fits: Callable[[Delivery], bool] = bool) -> Iterator[int]:
        """Indexes into ``genuine`` for ``rate`` of all, each handed out once in a draft."""
        wanted = max(1, round(rate * len(self.genuine))) if rate > 0 else 0
        chosen = [index for index in self._untouched if fits(self.genuine[index])][:wanted]
        taken = set(chosen)
        self._untouched = [index for index in self._untouched if index not in taken]
        return iter(chosen)

    def turn_into(self, index: int, kind: DeliveryKind) -> None:
        """The genuine webhook goes as another of Shopify's own kinds."""
        self.genuine[index] = msgspec.structs.replace(self.genuine[index], kind=kind)

    def delay(self, index: int, place: float) -> None:
        """The genuine webhook goes at a later place; the plan's length stands for a day."""
        delivery = self.genuine[index]
        share = (place - self.place[delivery.number]) / len(self.genuine)
        late_s = min(DAY_S, max(LEAST_LATE_S, share * DAY_S))
        self.place[delivery.number] = place
        self.genuine[index] = msgspec.structs.replace(delivery, late_s=late_s)

    def add(self, source: Delivery, place: float, kind: DeliveryKind, **changes: Any) -> Delivery:
        """Put a changed copy of ``source`` into the plan."""
        number = len(self.genuine) + len(self.extra)
        made = msgspec.structs.replace(source, number=number, kind=kind, **changes)
        self.extra.append(made)
        self.place[number] = place
        return made

    def another_shop(self, shop: str) -> str:
        """Any shop of the plan but this one; an unknown one where there is no other."""
        others = sorted({delivery.shop for delivery in self.genuine} - {shop})
        return self.rng.choice(others) if others else "stranger.myshopify.com"

    def anywhere(self) -> float:
        """A place between the first webhook and the last."""
        return self.rng.uniform(0, len(self.genuine))
