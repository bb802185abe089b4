"""When a breaker opens, for how long, and how it is probed."""

from typing import Self

import msgspec

from avnu.settings import Settings

SHOPIFY = "shopify"
"""The breaker of Shopify's Admin API, shared by all task modules."""

CLOSED = "closed"
OPEN = "open"
HALF_OPEN = "half-open"
AUTO = "auto"

OVER_WHEN_CLOSED = ("breaker", "platform")
"""Causes of parking that end when the breaker closes: its refusals, and the trouble before it."""

_CLOSED_KEEP_MS = 24 * 3600 * 1000
# A refused caller asks again after this in a half-open window: all resume within 1 s of closing.
PROBE_AGAIN_MS = 250
# Longer than any client waits for an answer that it may ask for again.
_AGAIN_MS = 10_000


class BreakerPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """See BREAKER_* in ``avnu/settings/guards.py``.

    ``min_shops=0`` is for a breaker whose calls belong to no shop: then the rate alone opens it.
    """

    window_s: int = 10
    min_calls: int = 20
    failure_percent: int = 50
    shop_percent: int = 50
    min_shops: int = 3
    slow_ms: int = 8000
    open_ms: int = 5000
    open_longest_ms: int = 120_000
    probes: int = 3
    probe_ms: int = 15_000

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The policy of Shopify's breaker."""
        return cls(
            window_s=settings.breaker_window_seconds,
            min_calls=settings.breaker_min_calls,
            failure_percent=settings.breaker_failure_percent,
            shop_percent=settings.breaker_shop_percent,
            min_shops=settings.breaker_min_shops,
            slow_ms=settings.breaker_slow_ms,
            open_ms=settings.breaker_open_ms,
            open_longest_ms=settings.breaker_open_longest_ms,
            probes=settings.breaker_probes,
            probe_ms=settings.breaker_probe_ms,
        )

    def open_for_ms(self, row: int) -> int:
        """How long the ``row``-th opening in a row lasts; the scripts reckon the same."""
        return int(min(self.open_longest_ms, self.open_ms * 2 ** min(row - 1, 30)))

    @property
    def votes_for(self) -> int:
        """Good probes that close it: a majority."""
        return self.probes // 2 + 1

    @property
    def votes_against(self) -> int:
        """Shops whose probe failed that open it again: a majority is out of reach then."""
        return self.probes - self.votes_for + 1

    def constants(self) -> dict[str, int]:
        """What the scripts know it by."""
        numbers: dict[str, int] = msgspec.structs.asdict(self)
        del numbers["slow_ms"]
        return numbers | {
            "closed_keep_ms": _CLOSED_KEEP_MS,
            "probe_again_ms": PROBE_AGAIN_MS,
            "again_ms": _AGAIN_MS,
        }
