"""The buckets of the histograms, and the counters in which they are kept.

Each bucket has a counter of its own, ``<name>:le:<bound>``, and what was measured adds up in
``<name>:us`` or ``<name>:ms``; so a flush or a script adds to them like to any counter. The bounds
of the lag are also in ``avnu/lua/_lag.lua``.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence

ACK = "ack"
LAG = "lag"

# Seconds. Shopify waits 5 s for an answer.
ACK_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LAG_BOUNDS_S = (
    0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 3600.0, 21600.0, 86400.0,
)  # fmt: skip


def bounds_as_text(bounds_s: Sequence[float]) -> tuple[str, ...]:
    """Each bound as Prometheus writes ``le``, and the one that holds everything."""
    return (*map(str, bounds_s), "+Inf")


_ACK_COUNTERS = tuple(f"{ACK}:le:{bound}" for bound in bounds_as_text(ACK_BOUNDS_S))


def ack_counter(took_s: float) -> str:
    """The counter of an answer that took so long."""
    return _ACK_COUNTERS[bisect_left(ACK_BOUNDS_S, took_s)]


def cumulated(
    counters: Mapping[str, int], name: str, bounds_s: Sequence[float]
) -> list[tuple[str, float]]:
    """Per bound how many took at most so long, as a histogram has it."""
    total, found = 0, []
    for bound in bounds_as_text(bounds_s):
        total += counters.get(f"{name}:le:{bound}", 0)
        found.append((bound, float(total)))
    return found
