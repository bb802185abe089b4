"""Which of two versions is the newer, and what became of those that were put. No database here.

``upsert.guard`` says the same in SQL; a test holds the two together.
"""

import enum
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

import msgspec

from avnu.store.market.digest import digest_of
from avnu.store.market.versions import Key, Level, Version

V = TypeVar("V", bound=Version | Level)
K = TypeVar("K", bound=Key)


class Outcome(enum.Enum):
    """What became of a version."""

    APPLIED = "applied"  # written
    SAME = "same"  # the row says so already
    OLDER = "older"  # the row is newer
    CONFLICTING = "conflicting"  # of the row's second, and different
    GONE = "gone"  # the resource was deleted


class Stamp(NamedTuple):
    """A version without its content. A row that was only deleted has no ``updated_at``."""

    updated_at: datetime | None
    read_at: datetime | None
    digest: str | None
    deleted_at: datetime | None = None


class Stamped(NamedTuple, Generic[V]):
    """A version with what it is compared by."""

    version: V
    stamp: Stamp

    @property
    def key(self) -> Key:
        """What names the resource in its shop."""
        return self.version.key


class Written(msgspec.Struct, Generic[K], frozen=True, kw_only=True):
    """The resources of a call by what became of the newest version that it had of each.

    Each stands in one of the first five. Two exceptions: of two bodies of one second in one call
    the first is put and its outcome noted, and the resource is in ``conflicting`` too.
    ``incomplete``, beside those: what is stored of it is its newest, but not whole: a product that
    lacks variants, or an order with a shipment or refund that is conflicting.
    """

    applied: tuple[K, ...] = ()
    same: tuple[K, ...] = ()
    older: tuple[K, ...] = ()
    conflicting: tuple[K, ...] = ()
    gone: tuple[K, ...] = ()
    incomplete: tuple[K, ...] = ()

    @property
    def refetch(self) -> tuple[K, ...]:
        """What to read from the Admin API and put again, with ``read_at``.

        A read within 2 s of ``updated_at`` may end as ``conflicting`` once more: wait for that.
        """
        return tuple(sorted({*self.conflicting, *self.incomplete}))


def stamped(version: V) -> Stamped[V]:
    """The version with its stamp."""
    stamp = Stamp(version.updated_at, version.settled_at, digest_of(version), version.gone_at)
    return Stamped(version, stamp)


def judge(put: Stamp, row: Stamp, *, final: bool) -> Outcome:
    """What becomes of ``put`` where ``row`` is; ``final``: a tombstone is for ever.

    A row without ``updated_at`` is less than any version.
    """
    if final and row.deleted_at is not None:
        return Outcome.GONE
    if row.updated_at is None:
        return Outcome.APPLIED
    assert put.updated_at is not None
    if put.updated_at != row.updated_at:
        newer = put.updated_at > row.updated_at
        return Outcome.APPLIED if newer else Outcome.OLDER
    if put.digest == row.digest:
        return Outcome.SAME
    return _within_a_second(put.read_at, row.read_at)


def _within_a_second(put: datetime | None, row: datetime | None) -> Outcome:
    """Of two that differ: one that was read is the last, and of two, that which was read later."""
    if put == row:
        return Outcome.CONFLICTING
    if row is None or (put is not None and put > row):
        return Outcome.APPLIED
    return Outcome.OLDER


class Choice(NamedTuple, Generic[V]):
    """The newest of a resource's versions, and whether another contradicts it."""

    newest: Stamped[V]
    contradicted: bool
    every: Sequence[V]

    def in_doubt(self, outcome: Outcome) -> bool:
        """True where, after the newest had this outcome, nobody can say what is the newest."""
        if outcome is Outcome.CONFLICTING:
            return True
        return self.contradicted and outcome in (Outcome.APPLIED, Outcome.SAME)


def choose(versions: Iterable[V]) -> list[Choice[V]]:
    """One choice for each resource, by key: the order in which rows are locked everywhere.

    The database takes a row only once in a statement. The end is as if each version had been put
    alone, in the order given.
    """
    groups: dict[Key, list[V]] = {}
    for version in versions:
        groups.setdefault(version.key, []).append(version)
    return [_choice(groups[key]) for key in sorted(groups)]


def _choice(versions: list[V]) -> Choice[V]:
    newest = stamped(versions[0])
    contradicted = False
    for version in versions[1:]:
        other = stamped(version)
        outcome = judge(other.stamp, newest.stamp, final=False)
        if outcome is Outcome.APPLIED:
            newest, contradicted = other, False
        elif outcome is Outcome.CONFLICTING:
            contradicted = True
    return Choice(newest, contradicted, versions)
