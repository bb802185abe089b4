"""The guarded statements, the same on SQLite and on PostgreSQL; each takes many rows at once.

SQLAlchemy sends the rows of a statement with RETURNING as ``VALUES (…), (…)``, in as many
statements as the database's limit of parameters asks for. Every statement is made once.
"""

import functools
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Delete,
    Select,
    and_,
    bindparam,
    case,
    delete,
    func,
    literal,
    null,
    or_,
    select,
    tuple_,
)

from avnu.store.inserting import insert_into
from avnu.store.market.families import Family, Parts

SHOP, KEYS = "_shop", "_keys"


@functools.cache
def put(dialect: str, family: Family) -> Any:
    """Rows of ``families.row_of``; answers keys and ``existed`` of those that were written."""
    table = family.table
    statement = insert_into(dialect, table)
    new = statement.excluded
    written = [*_content(family), "written_at"]
    changes: dict[str, Any] = {name: new[name] for name in written}
    changes["existed"] = live(family)
    if "redacted_at" in table.c:
        changes["customer_id"] = case(
            (table.c.redacted_at.is_not(None), null()), else_=new.customer_id
        )
        # Not every source tells the offset, and it stays what it was.
        changes["utc_offset_min"] = func.coalesce(new.utc_offset_min, table.c.utc_offset_min)
    return statement.on_conflict_do_update(
        index_elements=["shop", *family.keys], set_=changes, where=guard(family, new)
    ).returning(*_keys(family), table.c.existed)


def guard(family: Family, new: Any) -> ColumnElement[bool]:
    """True where the new row is the newer one: what ``outcomes.judge`` calls APPLIED."""
    row = family.table.c
    last_of_its_second = and_(
        row.updated_at == new.updated_at,
        row.digest != new.digest,
        new.read_at.is_not(None),
        or_(row.read_at.is_(None), row.read_at < new.read_at),
    )
    newer = or_(row.updated_at.is_(None), row.updated_at < new.updated_at, last_of_its_second)
    return and_(row.deleted_at.is_(None), newer) if _has_end(family) else newer


def live(family: Family) -> ColumnElement[bool]:
    """True for a row that is neither a tombstone nor there only to be locked."""
    row = family.table.c
    seen = row.updated_at.is_not(None)
    return and_(seen, row.deleted_at.is_(None)) if family.deletable else seen


@functools.cache
def put_parts(dialect: str, parts: Parts) -> Any:
    """Rows of ``families.part_row_of``. Only who has just written the parent may send it."""
    table = parts.table
    statement = insert_into(dialect, table)
    key = {"shop", parts.parent, "id"}
    changes = {c.name: statement.excluded[c.name] for c in table.c if c.name not in key}
    return statement.on_conflict_do_update(
        index_elements=["shop", parts.parent, "id"],
        set_=changes,
        where=table.c.digest != statement.excluded.digest,
    ).returning(table.c.id)


@functools.cache
def prune(family: Family, parts: Parts) -> Delete:
    """Deletes what did not come with the version that the parents, KEYS, have now."""
    part, parent = parts.table.c, family.table.c
    now = (
        select(parent.digest)
        .where(parent.shop == part.shop, parent.id == part[parts.parent])
        .scalar_subquery()
    )
    return drop_parts(parts).where(part.digest != now)


@functools.cache
def drop_parts(parts: Parts) -> Delete:
    """Deletes all parts of the parents, KEYS."""
    part = parts.table.c
    return delete(parts.table).where(
        part.shop == bindparam(SHOP), part[parts.parent].in_(bindparam(KEYS, expanding=True))
    )


@functools.cache
def bury(dialect: str, family: Family) -> Any:
    """Rows with shop, id, ``deleted_at``, ``written_at``, ``existed``: tombstones.

    Answers id and ``existed`` of those that were not tombstones already.
    """
    table = family.table
    statement = insert_into(dialect, table)
    changes: dict[str, Any] = dict.fromkeys(_content(family), null())
    changes["existed"] = live(family)
    for name in ("deleted_at", "written_at"):
        changes[name] = statement.excluded[name]
    return statement.on_conflict_do_update(
        index_elements=["shop", "id"], set_=changes, where=table.c.deleted_at.is_(None)
    ).returning(table.c.id, table.c.existed)


@functools.cache
def stand(dialect: str, family: Family) -> Any:
    """Rows with shop, id, ``written_at``, ``existed``: only so that there is a row to lock."""
    return insert_into(dialect, family.table).on_conflict_do_nothing().returning(family.table.c.id)


@functools.cache
def stamps(family: Family) -> Select[Any]:
    """Key and stamp of the rows KEYS; ids, or pairs of ids."""
    row = family.table.c
    keys = _keys(family)
    deleted_at = row.deleted_at if family.deletable else literal(None).label("deleted_at")
    named = keys[0] if len(keys) == 1 else tuple_(*keys)
    return select(*keys, row.updated_at, row.read_at, row.digest, deleted_at).where(
        row.shop == bindparam(SHOP), named.in_(bindparam(KEYS, expanding=True))
    )


def _has_end(family: Family) -> bool:
    return family.final and family.deletable


def _keys(family: Family) -> list[Any]:
    return [family.table.c[name] for name in family.keys]


def _content(family: Family) -> list[str]:
    """Columns that a version says, and that a tombstone leaves empty."""
    apart = {"shop", *family.keys, "written_at", "existed", "redacted_at"}
    return [column.name for column in family.table.c if column.name not in apart]
