"""Rates for ``avnu status --watch``: differences of counters over the last seconds. Pure."""

from collections import deque
from collections.abc import Mapping

import msgspec

from avnu.inbox.overview import AreaState, Overview

# Short enough to follow a flood, long enough that a quiet shop's webhooks make a number.
WINDOW_S = 5.0


class Rates(msgspec.Struct, frozen=True):
    """Per second: deliveries by outcome, and per area what was accepted and what was settled.

    Empty while there is only one look.
    """

    received: Mapping[str, float]
    accepted: Mapping[str, float]
    settled: Mapping[str, float]


UNKNOWN = Rates({}, {}, {})


class Window:
    """The looks of the last ``WINDOW_S`` seconds."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, Overview]] = deque()

    def add(self, at_s: float, state: Overview) -> Rates:
        """Note a look (``at_s``: monotonic), and compare it with the oldest of the window."""
        while len(self._looks) > 1 and at_s - self._looks[0][0] > WINDOW_S:
            self._looks.popleft()
        self._looks.append((at_s, state))
        then_s, then = self._looks[0]
        if at_s <= then_s:
            return UNKNOWN
        return between(then, state, at_s - then_s)


def between(before: Overview, after: Overview, elapsed_s: float) -> Rates:
    """Counters only grow, but for an inbox that was emptied: that counts as standing still."""

    def per_second(then: Mapping[str, int], now: Mapping[str, int]) -> dict[str, float]:
        return {name: max(0, n - then.get(name, 0)) / elapsed_s for name, n in now.items()}

    return Rates(
        per_second(before.received, after.received),
        per_second(_accepted(before), _accepted(after)),
        per_second(_settled(before), _settled(after)),
    )


def accepted(area: AreaState) -> int:
    """How many were ever accepted: by the accounts, all of these are either here or ended."""
    return area.backlog + area.dead + area.deleted + area.done + area.superseded


def _accepted(state: Overview) -> dict[str, int]:
    return {area.area: accepted(area) for area in state.areas}


def _settled(state: Overview) -> dict[str, int]:
    return {area.area: area.done + area.superseded for area in state.areas}
