"""Settings of the guards before Shopify: breaker and budget. Part of ``avnu/settings/table.py``."""

import dataclasses

from avnu.settings.kinds import whole


@dataclasses.dataclass(frozen=True, kw_only=True)
class BreakerSettings:
    """Breaker: when Shopify itself is in trouble, nobody calls it for a while."""

    breaker_window_seconds: int = whole(
        10, "s", "How far back calls count towards opening it.", 1, 600
    )
    breaker_min_calls: int = whole(
        20, "calls", "With fewer calls in the window it never opens.", 1, 100000
    )
    breaker_failure_percent: int = whole(
        50, "% of calls", "It opens when so many fail or are slow, if enough shops are hit.", 1, 100
    )
    breaker_shop_percent: int = whole(
        50,
        "% of shops",
        "So many of the shops that call must have failed with their last call.",
        1,
        100,
    )
    breaker_min_shops: int = whole(
        3, "shops", "With fewer shops in trouble it never opens: the trouble is theirs.", 2, 1000
    )
    breaker_slow_ms: int = whole(
        8000, "ms", "A call that lasts longer counts as failed.", 10, 120000
    )
    breaker_open_ms: int = whole(
        5000, "ms", "How long it stays open at first; doubled each time in a row.", 50, 3600000
    )
    breaker_open_longest_ms: int = whole(
        120000, "ms", "Longest time that it stays open at a stretch.", 50, 3600000
    )
    breaker_probes: int = whole(
        3, "calls", "Calls that all processes together try before it closes.", 3, 99
    )
    breaker_probe_ms: int = whole(
        15000, "ms", "How long such a call may take before its permit goes to another.", 100, 600000
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class BudgetSettings:
    """Budget: the cost points that Shopify gives each shop, shared by all processes."""

    budget_bulk_floor_percent: int = whole(
        30, "% of the bucket", "What bulk calls leave to interactive ones.", 0, 90
    )
    budget_ahead_interactive_ms: int = whole(
        900,
        "ms",
        "An interactive call waits so long for its points; beyond it is refused.",
        0,
        1000,
    )
    budget_ahead_bulk_ms: int = whole(
        400, "ms", "A bulk call waits so long for its points; beyond it is refused.", 0, 1000
    )
    budget_first_cost: int = whole(
        100, "points", "What a query is taken to cost before anything is known of it.", 1, 1000
    )
    # A call that was sent has long been charged by then, so Shopify's own count shows it.
    budget_lease_seconds: int = whole(
        # Longer than a call may take, so that its answer finds the reservation.
        13,
        "s",
        "Points that a dead worker has reserved count as spent after it.",
        2,
        3600,
    )
