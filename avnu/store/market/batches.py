"""Writes one kind of resource: many versions, or many deletes, in a transaction of the caller's.

Rows are locked by key, the lowest first, in every transaction, so none waits in a circle; parts
are only touched under their parent's lock.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection

from avnu.store.market import reading, upsert
from avnu.store.market.changes import Change, What
from avnu.store.market.digest import ordered
from avnu.store.market.families import Family, Parts, key_of, part_row_of, row_of
from avnu.store.market.outcomes import Choice, Outcome, Stamped, judge
from avnu.store.market.versions import Key

# What a transaction holds at most, so that it is short: half a second on PostgreSQL. A resource
# with more parts has a transaction of its own.
_ROWS = 2_000
_RESOURCES = 400


class Transaction(NamedTuple):
    """One that is open, the shop that it writes for, and when, by the clock of the host."""

    connection: Connection
    shop: str
    now: datetime

    @property
    def dialect(self) -> str:
        """Which database it is."""
        return self.connection.dialect.name


@dataclasses.dataclass
class Wrote:
    """What a transaction did: an outcome for each resource, and what to tell after the commit."""

    outcomes: dict[Key, Outcome] = dataclasses.field(default_factory=dict)
    in_doubt: set[Key] = dataclasses.field(default_factory=set)
    incomplete: set[Key] = dataclasses.field(default_factory=set)
    changes: list[Change] = dataclasses.field(default_factory=list)
    late: int = 0  # orders written without their customer, who was redacted before they came


def split(choices: Sequence[Choice[Any]]) -> Iterator[list[Choice[Any]]]:
    """As many as fit in a transaction, and so on."""
    batch: list[Choice[Any]] = []
    rows = 0
    for choice in choices:
        more = _rows_of(choice.newest.version)
        if batch and (rows + more > _ROWS or len(batch) == _RESOURCES):
            yield batch
            batch, rows = [], 0
        batch.append(choice)
        rows += more
    if batch:
        yield batch


def _rows_of(version: msgspec.Struct) -> int:
    """The resource's own and one for each part, near enough for an order's refunds too."""
    fields = (getattr(version, name) for name in version.__struct_fields__)
    return 1 + sum(len(field) for field in fields if isinstance(field, tuple))


def split_keys(keys: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The same for keys, sorted and each once."""
    every = sorted(set(keys))
    for start in range(0, len(every), _RESOURCES):
        yield every[start : start + _RESOURCES]


def write(to: Transaction, family: Family, versions: Sequence[Stamped[Any]]) -> Wrote:
    """Puts versions, one of each resource, sorted by key."""
    wrote = Wrote()
    if not versions:
        return wrote
    rows = [row_of(family, to.shop, one, to.now) for one in versions]
    statement = upsert.put(to.dialect, family)
    existed = {
        key_of(family, row): bool(row["existed"])
        for row in to.connection.execute(statement, rows).mappings()
    }
    applied = [one for one in versions if one.key in existed]
    for parts in family.parts:
        _write_parts(to, family, parts, applied, existed)
    rest = [one for one in versions if one.key not in existed]
    wrote.outcomes = dict.fromkeys(existed, Outcome.APPLIED)
    wrote.outcomes.update(_why_not(to, family, rest))
    for one in applied:
        wrote.changes.extend(_change(family, to.shop, one, existed=existed[one.key]))
    return wrote


def bury(to: Transaction, family: Family, ids: Sequence[int], at: datetime) -> Wrote:
    """Deletes resources, sorted by id, with their parts; leaves tombstones, also of unknown ids."""
    fresh = {"shop": to.shop, "deleted_at": at, "written_at": to.now, "existed": False}
    statement = upsert.bury(to.dialect, family)
    found = to.connection.execute(statement, [{**fresh, "id": one} for one in ids]).all()
    for parts in family.parts:
        drop = upsert.drop_parts(parts)
        to.connection.execute(drop, {upsert.SHOP: to.shop, upsert.KEYS: list(ids)})
    wrote = Wrote(dict.fromkeys(ids, Outcome.GONE))
    wrote.outcomes.update((row.id, Outcome.APPLIED) for row in found)
    wrote.changes = [
        Change(to.shop, family.kind, row.id, What.DELETED, at) for row in found if row.existed
    ]
    wrote.changes.sort(key=lambda change: change.id)
    return wrote


def _write_parts(
    to: Transaction,
    family: Family,
    parts: Parts,
    parents: Sequence[Stamped[Any]],
    existed: Mapping[Key, bool],
) -> None:
    rows = [
        part_row_of(parts, to.shop, one.key, part, one.stamp.digest or "")
        for one in parents
        for part in ordered(getattr(one.version, parts.field))
    ]
    if rows:
        to.connection.execute(upsert.put_parts(to.dialect, parts), rows).all()
    stale = [
        one.key
        for one in parents
        if existed[one.key] and not getattr(one.version, "partial", False)
    ]
    if stale:
        values = {upsert.SHOP: to.shop, upsert.KEYS: stale}
        to.connection.execute(upsert.prune(family, parts), values)


def _why_not(
    to: Transaction, family: Family, versions: Sequence[Stamped[Any]]
) -> dict[Key, Outcome]:
    """Why the guard let none of these through; their rows are locked since, so nothing moves."""
    if not versions:
        return {}
    stamps = reading.stamps(to.connection, family, to.shop, [one.key for one in versions])
    return {one.key: judge(one.stamp, stamps[one.key], final=family.final) for one in versions}


def _change(family: Family, shop: str, one: Stamped[Any], *, existed: bool) -> list[Change]:
    if one.stamp.deleted_at is not None:
        if not existed:
            return []
        what = What.DELETED
    else:
        what = What.UPDATED if existed else What.CREATED
    return [Change(shop, family.kind, one.key, what, one.version.updated_at)]
