"""The only place that reads the host's time. Everybody else is given a Clock."""

import time
from typing import Protocol


class Clock(Protocol):
    """What a part may ask about time. Tests pass one that they move by hand."""

    def time(self) -> float:
        """Unix time in seconds; may step when the host's clock is set."""

    def monotonic(self) -> float:
        """Seconds that never go back; only differences mean something."""

    def sleep(self, seconds: float) -> None:
        """Returns after at least ``seconds``."""


class SystemClock:
    """The host's clock."""

    def time(self) -> float:
        """Unix time in seconds; may step when the host's clock is set."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that never go back; only differences mean something."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Returns after at least ``seconds``."""
        time.sleep(seconds)


def server_ms(time: tuple[int, int], offset: bytes | None = None) -> int:
    """A server's answer to TIME, (seconds, microseconds), as unix ms.

    ``offset`` is the field of that name in ``control``: with it this is the inbox's time, which
    its scripts go by (``lua/_clock.lua``).
    """
    seconds, micros = time
    return seconds * 1000 + micros // 1000 + int(offset or 0)
