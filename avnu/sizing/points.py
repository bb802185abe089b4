"""Points of the Admin API that following up takes, beside what shops' buckets give back."""

import msgspec

from avnu.sizing.assumed import RESTORED_PER_S, Following
from avnu.sizing.memory import DAY_S, Load


class Points(msgspec.Struct, frozen=True):
    """Points of one shop in a day, of all shops that are alike, and of one that sends everything.

    ``day_percent``: of what a plan gives back in a day. ``flood_percent``: of what it gives back
    in a second, while one shop alone sends the whole rate; above 100 its webhooks wait.
    """

    following: str
    per_shop_day: float
    day_percent: dict[str, float]
    flood_percent: dict[str, float]


def points(load: Load, following: Following) -> Points:
    """Reconciliation is not in it: what it costs depends on how much of a catalogue changed."""
    per_shop_day = load.per_day / load.shops * following.points
    flood = load.rate * following.points
    return Points(
        following.name,
        per_shop_day,
        {plan: 100 * per_shop_day / (DAY_S * n) for plan, n in RESTORED_PER_S.items()},
        {plan: 100 * flood / n for plan, n in RESTORED_PER_S.items()},
    )
