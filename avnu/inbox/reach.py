"""Reaching the inbox's server: every failure of it becomes one error, InboxUnavailable."""

from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import RedisError

from avnu.errors import InboxUnavailable


@contextmanager
def reaching() -> Iterator[None]:
    """Turns whatever Redis or the network raises into InboxUnavailable, the cause kept."""
    try:
        yield
    except (RedisError, OSError) as cause:
        raise InboxUnavailable(f"{type(cause).__name__}: {cause}") from cause
