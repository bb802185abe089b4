"""Reads whole resources: most by one query for many, larger ones by another, the largest in pages.

Every call brings some resource to its end, so that what is parked on its way for want of points
finds less to do the next time: of a batch, the first few ids go into the query for larger ones
at once, as what is left of a batch that parked are the larger ones.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Generic, TypeVar

import msgspec

from avnu.clock import Clock
from avnu.errors import Park, ReadOvertaken
from avnu.shopify.admin import Admin
from avnu.shopify.query import NodesQuery
from avnu.shopify.reads.pages import Pages

N = TypeVar("N")

# Reads of one that changes all the while.
_TRIES = 3
_CHANGING_S = 5.0


class Reading(msgspec.Struct, Generic[N], frozen=True):
    """How one kind is read. To add one: its queries, and a value of this in ``reads.py``.

    ``few`` and ``more`` ask for the same, with fewer and more parts of each. ``whole`` completes a
    node by further pages, and is asked only where ``lacks`` says so. ``divisible``: one that keeps
    changing is given with some of its parts; otherwise the shop waits.
    """

    few: NodesQuery[N]
    more: NodesQuery[N]
    lacks: Callable[[N], bool]
    whole: Callable[[N, Pages], N]
    divisible: bool = False


class Part(msgspec.Struct, Generic[N], frozen=True):
    """Some of what was asked for; None: there is no such thing. ``read_at``: before the call."""

    nodes: dict[int, N | None]
    read_at: datetime


class Whole:
    """Reads of one shop."""

    def __init__(self, admin: Admin, clock: Clock, pages: Pages) -> None:
        self._admin = admin
        self._clock = clock
        self._pages = pages

    def parts(self, reading: Reading[N], ids: Iterable[int]) -> Iterator[Part[N]]:
        """Each id once, as soon as it is whole. What came stays good when a later part raises."""
        wanted = list(dict.fromkeys(ids))
        first = reading.more.most
        yield from self._larger(reading, wanted[:first])
        larger: list[int] = []
        for some in _slices(wanted[first:], reading.few.most):
            part = self.ask(reading.few, some)
            lacking = _lacking(reading, part)
            larger += lacking
            yield _without(part, lacking)
        yield from self._larger(reading, larger)

    def ask(self, query: NodesQuery[N], ids: Sequence[int]) -> Part[N]:
        """The nodes of some ids, as they come."""
        read_at = datetime.fromtimestamp(self._clock.time(), UTC)
        found = self._admin.nodes(query, ids)
        return Part({number: found.get(number) for number in ids}, read_at)

    def _larger(self, reading: Reading[N], ids: Sequence[int]) -> Iterator[Part[N]]:
        for some in _slices(ids, reading.more.most):
            part = self.ask(reading.more, some)
            lacking = _lacking(reading, part)
            yield _without(part, lacking)
            for number in lacking:
                yield self._paged(reading, number, _without(part, set(some) - {number}))

    def _paged(self, reading: Reading[N], number: int, part: Part[N]) -> Part[N]:
        """One that has more parts than any query for several asks for."""
        for repeated in range(_TRIES):
            if repeated:
                part = self.ask(reading.more, [number])
            node = part.nodes[number]
            if node is None or not reading.lacks(node):
                return part
            try:
                return Part({number: reading.whole(node, self._pages)}, part.read_at)
            except ReadOvertaken:
                continue
        if reading.divisible:
            # Overtaken, so Shopify has a later version, and this is not the last word.
            return part
        message = f"{self._admin.shop}: a {reading.more.kind} changes faster than it can be read"
        raise Park("changing", _CHANGING_S, message)


def _lacking(reading: Reading[N], part: Part[N]) -> list[int]:
    return [
        number for number, node in part.nodes.items() if node is not None and reading.lacks(node)
    ]


def _without(part: Part[N], ids: Iterable[int]) -> Part[N]:
    left_out = set(ids)
    nodes = {number: node for number, node in part.nodes.items() if number not in left_out}
    return Part(nodes, part.read_at)


def _slices(ids: Sequence[int], most: int) -> Iterator[Sequence[int]]:
    return (ids[start : start + most] for start in range(0, len(ids), most))
