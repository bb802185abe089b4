"""The development store: seeded shops and the day they have."""

from avnu.sandbox.day import Day, Event
from avnu.sandbox.shops import make_shops
from avnu.sandbox.stories import fill

#: 2026-11-20 00:00 UTC: the day that is played when nobody names another.
FIRST_DAY = 1_795_132_800.0


class Store:
    """Shops and their day.

    ``Store(7, shops=25).events(3000)`` is the same 3,000 webhooks each time it is asked.
    """

    def __init__(self, seed: int, shops: int, start: float = FIRST_DAY) -> None:
        self.seed = seed
        self.start = start  # unix seconds
        self.shops = make_shops(seed, shops)

    def events(self, count: int) -> list[Event]:
        """``count`` webhooks of the day that begins at ``start``, in order of time."""
        day = Day(self.seed, self.shops, self.start)
        fill(day, count)
        return list(day.play(count))
