"""State that a fork must not share: locks, threads, what is to be sent."""

import os
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class PerProcess(Generic[T]):
    """One ``T`` for each process, made when it is first asked for there.

    A lock that another thread held at the fork stays locked in the child for ever, and threads are
    not there at all; so a child begins with objects of its own.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: dict[int, T] = {}

    def get(self) -> T:
        """The one of the process that asks."""
        pid = os.getpid()
        found = self._made.get(pid)
        return self._begin(pid) if found is None else found

    def made(self) -> list[T]:
        """The one of the process that asks, if it was made: for its end."""
        pid = os.getpid()
        return [self._made[pid]] if pid in self._made else []

    def _begin(self, pid: int) -> T:
        for other in [made for made in self._made if made != pid]:
            self._made.pop(other, None)
        # Atomic: threads that come here at once end up with the same one.
        return self._made.setdefault(pid, self._make())
