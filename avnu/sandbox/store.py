"""The development store: seeded shops and the days they have."""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from avnu.sandbox.day import Day, Event
from avnu.sandbox.shops import USUAL_SIZES, SandboxShop, Sizes, make_shops
from avnu.sandbox.stories import fill

#: 2026-11-20 00:00 UTC: the day that is played when nobody names another.
FIRST_DAY = 1_795_132_800.0


class PlayedDay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which days are played: what a plan and a world of the same shops have in common.

    Also the body of ``POST /sandbox/day``. ``start`` is unix time.
    """

    seed: Annotated[int, msgspec.Meta(ge=0)]
    shops: Annotated[int, msgspec.Meta(ge=1, le=10_000)]
    deliveries: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
    start: float
    days: Annotated[int, msgspec.Meta(ge=1, le=366)] = 1
    most_products: int = USUAL_SIZES.most_products
    most_variants: int = USUAL_SIZES.most_variants

    @property
    def sizes(self) -> Sizes:
        """Of the catalogues; raises ValueError for what cannot be."""
        return Sizes(self.most_products, self.most_variants)


class Store:
    """Shops and their days.

    ``Store(7, shops=25).events(3000)`` is the same 3,000 webhooks each time it is asked.
    """

    def __init__(
        self,
        seed: int,
        shops: int,
        start: float = FIRST_DAY,
        *,
        sizes: Sizes = USUAL_SIZES,
        days: int = 1,
    ) -> None:
        self.seed = seed
        self.start = start  # unix seconds
        self.days = days
        self.shops = make_shops(seed, shops, sizes)

    def events(self, count: int) -> list[Event]:
        """``count`` webhooks of the days that begin at ``start``, in order of time."""
        return list(self._played(count).play())

    def left(self, count: int) -> list[str]:
        """The domains of the shops that have no app any more after these webhooks."""
        return self._played(count).left

    def _played(self, count: int) -> Day:
        return played(self.seed, self.shops, self.start, count, self.days)


def played(seed: int, shops: Sequence[SandboxShop], start: float, count: int, days: int = 1) -> Day:
    """A stage with ``count`` webhooks laid on it, as many each day; to be played once."""
    if not 1 <= days <= count:
        raise ValueError("each day needs a webhook, and there is at least one day")
    day = Day(seed, shops, start)
    for number in range(days):
        fill(day, count * (number + 1) // days - count * number // days)
        day.end()
    return day
