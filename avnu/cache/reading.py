"""What ``cache_read`` is asked about an entry, and what it answers."""

import enum
from collections.abc import Sequence
from typing import Any, Self

import msgspec

from avnu import keys
from avnu.cache.local import Key


class Verdict(enum.StrEnum):
    """What is to be done."""

    FRESH = "F"
    LOAD = "L"
    WAIT = "W"
    THROTTLED = "T"


class Question(msgspec.Struct, frozen=True):
    """What a caller wants: ``least`` version, greatest ``age_ms`` (None: the entry's own)."""

    key: Key
    entry: str  # the key's last part, "<kind>/<shop>/<id>"
    tags: tuple[str, ...]  # those known before the load
    least: int
    age_ms: int | None


class Reading(msgspec.Struct, frozen=True):
    """A question as it is put once. ``draw``: see the script.

    ``owner`` must be new for every key and every time: a shop's epoch may be named after it, and
    between two readings of one call all of the shop may be invalidated.
    """

    question: Question
    owner: str
    draw: float

    def argv(self) -> tuple[str | float, ...]:
        """The arguments of the script."""
        asked = self.question
        return (
            keys.short(asked.key[1]),
            asked.entry,
            self.owner,
            asked.least,
            "" if asked.age_ms is None else asked.age_ms,
            self.draw,
            " ".join(asked.tags),
        )


class Answer(msgspec.Struct, frozen=True):
    """The script's reply, see there. ``raw``: the packed entry to serve, or b""."""

    verdict: Verdict
    hold_ms: int
    epoch: str
    seq: int
    now_ms: int
    raw: bytes

    @classmethod
    def of(cls, reply: Sequence[Any]) -> Self:
        """From the reply as it came."""
        verdict, hold_ms, epoch, seq, now_ms, raw = reply
        return cls(Verdict(verdict.decode()), hold_ms, epoch.decode(), seq, now_ms, raw)
