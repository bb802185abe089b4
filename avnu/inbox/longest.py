"""The shops with the longest lines: whom a backlog belongs to."""

import heapq
from itertools import islice
from typing import Any

import msgspec

from avnu import keys
from avnu.inbox import Inbox
from avnu.inbox.forms import read_place
from avnu.inbox.reach import reaching

# Shops of one area that are looked at, and how many at a time: some ms of the server's time in all.
_LOOKED_AT = 5_000
_AT_A_TIME = 500


class Line(msgspec.Struct, frozen=True):
    """What waits of one shop in one area. ``state``: ready, leased, parked or paused."""

    area: str
    shop: str
    waiting: int
    state: str


def longest_lines(inbox: Inbox, most: int) -> list[Line]:
    """The ``most`` longest lines, longest first; of an area with more than 5,000 shops that wait,
    of some 5,000 of them. Raises InboxUnavailable.
    """
    with reaching():
        lines = [line for area in inbox.areas for line in _of(inbox, area)]
    return heapq.nlargest(most, lines, key=lambda line: line.waiting)


def _of(inbox: Inbox, area: str) -> list[Line]:
    client: Any = inbox.client
    places = client.hscan_iter(inbox.keys.of("place", area), count=_AT_A_TIME)
    standing = [(name.decode(), read_place(at).state) for name, at in islice(places, _LOOKED_AT)]
    found = []
    for start in range(0, len(standing), _AT_A_TIME):
        some = standing[start : start + _AT_A_TIME]
        with client.pipeline(transaction=False) as pipe:
            for name, _ in some:
                pipe.llen(inbox.keys.of("line", f"{area}/{name}"))
            found += [
                Line(area, keys.domain(name), waiting, state)
                for (name, state), waiting in zip(some, pipe.execute(), strict=True)
                if waiting
            ]
    return found
