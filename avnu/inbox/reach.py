"""Reaching the inbox's server: every failure of it becomes one error, InboxUnavailable."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from redis.exceptions import RedisError

from avnu.clock import Clock
from avnu.errors import InboxUnavailable

T = TypeVar("T")
_ASK_AGAIN_S = 0.2


@contextmanager
def reaching() -> Iterator[None]:
    """Turns whatever Redis or the network raises into InboxUnavailable, the cause kept."""
    try:
        yield
    except (RedisError, OSError) as cause:
        raise InboxUnavailable(f"{type(cause).__name__}: {cause}") from cause


def insist(ask: Callable[[], T], clock: Clock, for_s: float) -> T:
    """Ask until answered, for as long as a lease can live; then InboxUnavailable.

    Only for what may be asked twice: scripts that know who asks, and for what.
    """
    until = clock.monotonic() + for_s
    while True:
        try:
            return ask()
        except InboxUnavailable:
            if clock.monotonic() >= until:
                raise
            clock.sleep(_ASK_AGAIN_S)
