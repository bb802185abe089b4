"""Settings of the marketplace's own copy. Part of ``avnu/settings/table.py``."""

import dataclasses

from avnu.settings.kinds import DAY_S, Text, row, whole

FUNCTION = r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*"


@dataclasses.dataclass(frozen=True, kw_only=True)
class MarketSettings:
    """Market: the marketplace's own copy of its shops."""

    market_changed: str = row(
        Text("package.module:function", FUNCTION, "write package.module:function"),
        "",
        "Function of yours that is told what changed in the database; see store/market/changes.py.",
    )
    market_stale_seconds: int = whole(
        # A first delivery takes a second or two; Shopify's first retries follow within minutes.
        300,
        "s",
        "A webhook accepted so long after its trigger is not believed, and Shopify is asked.",
        10,
        36_500 * DAY_S,
    )
