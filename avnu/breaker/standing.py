"""What a process knows of a breaker, and what a call carries from admission to outcome."""

from collections.abc import Sequence
from typing import Any

import msgspec

from avnu.breaker.policy import CLOSED, OPEN


class Standing(msgspec.Struct, frozen=True):
    """The state as last seen. ``asked`` and ``ends`` are monotonic seconds of this process.

    ``ends``: when an open breaker begins to probe, or a half-open window lapses.
    """

    state: str
    generation: int
    forced: str
    asked: float
    ends: float

    @property
    def shut(self) -> bool:
        """No call may pass, not even a probe."""
        return self.state == OPEN


UNKNOWN = Standing(CLOSED, 0, "", float("-inf"), 0.0)


def read_standing(reply: Sequence[Any], asked: float) -> tuple[Standing, str]:
    """The standing in a script's reply (its first five values), and the state before the script."""
    state, generation, left_ms, forced, before = reply[:5]
    ends = asked + left_ms / 1000
    return Standing(state, generation, forced, asked, ends), before


class Ticket(msgspec.Struct):
    """One admitted call. ``probe``: the id of its permit when it is one of the few in half-open."""

    generation: int
    shop: str
    begun: float
    probe: str = ""
    local: bool = False
