"""What a caller asks, and what a loader answers."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from avnu import keys
from avnu.cache.kinds import CachedKind
from avnu.cache.local import Key
from avnu.cache.reading import Question

T = TypeVar("T")
# A tag stands between spaces in a heading, an id at the end of a key.
_WORD = re.compile(r"[^\s\x00-\x1f\x7f]{1,200}")


class Loaded(msgspec.Struct, Generic[T], frozen=True):
    """What a loader returns. ``value`` None: there is no such thing. ``version`` grows with each
    change of the thing, e.g. its updated_at in ms; 0: not known.
    """

    value: T | None
    version: int = 0


Loads = Callable[[Sequence[Key]], Mapping[Key, Loaded[Any]]]
"""Loads several keys in one go, and answers for each of them."""


class Ask(msgspec.Struct, frozen=True):
    """One value that the process's memory did not have. ``ticket``: when it was asked for.

    ``until_s``: when (monotonic) its caller waits for nobody any more.
    """

    kind: CachedKind[Any]
    question: Question
    ttl_s: float | None
    ticket: int
    until_s: float = math.inf

    @property
    def key(self) -> Key:
        """Kind, shop and id."""
        return self.question.key


def question(
    kind: CachedKind[Any], key: Key, at_least: int | None, ttl_s: float | None
) -> Question:
    """The question for Redis. Raises ValueError for an id that cannot be part of a key."""
    _, shop, id_ = key
    tags = [kind.tag(), kind.tag(id_)] if id_ else [kind.tag()]
    return Question(
        key,
        f"{kind.name}.{kind.schema}/{keys.short(shop)}/{id_}",
        words(tags),
        max(0, at_least or 0),
        None if ttl_s is None else int(ttl_s * 1000),
    )


def words(tags: Sequence[str]) -> tuple[str, ...]:
    """The tags, each of them one word. Raises ValueError."""
    for tag in tags:
        if not _WORD.fullmatch(tag):
            raise ValueError(f"{tag!r} cannot be a tag: write 1 to 200 characters without a space")
    return tuple(tags)
