"""Settings of reconciliation (``avnu/reconcile/``). Part of ``avnu/settings/table.py``."""

import dataclasses

from avnu.settings.kinds import DAY_S, whole


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReconcileSettings:
    """Reconciliation: Shopify is asked what changed, in case a webhook never came."""

    reconcile_interval_seconds: int = whole(
        4 * 3600, "s", "How often each kind of resource of a shop is compared.", 60, 30 * DAY_S
    )
    reconcile_every_seconds: int = whole(
        20, "s", "How often it is looked which comparisons are due.", 1, 3600
    )
    reconcile_at_once: int = whole(
        200, "runs", "Most comparisons under way at a time, over all shops.", 1, 10_000
    )
    reconcile_open: int = whole(
        500,
        "webhooks",
        "A shop with so many waiting in an area is not compared for now.",
        1,
        100_000,
    )
    reconcile_overlap_seconds: int = whole(
        600, "s", "How far back before the last run is asked: for clocks, and Shopify's index.",
        1, DAY_S,
    )  # fmt: skip
    reconcile_grace_seconds: int = whole(
        120, "s", "What changed so lately is left to its webhook.", 0, DAY_S
    )
    reconcile_sweep_seconds: int = whole(
        DAY_S, "s", "How often all that is stored is looked for at Shopify, to find deletes.",
        60, 90 * DAY_S,
    )  # fmt: skip
