"""The rows of the runs: how far each is, who has it, and when the next is due.

A run has an owner, and every write of its row asks for that owner: who was taken for dead and
comes back changes nothing. Times are the database's, as hosts' clocks differ.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select, update

from avnu.reconcile.resources import RESOURCES
from avnu.store.columns import database_now
from avnu.store.database import Store
from avnu.store.inserting import insert_if_new
from avnu.store.tables import watermarks

CHANGED, SWEEP = "changed", "sweep"
LEASE_S = 300.0
"""A run whose owner has not been heard of for so long may be taken by another."""

LONG_AGO = datetime.fromtimestamp(0, UTC)

# What a row says when nobody has it.
FREE: dict[str, Any] = {"owner": None, "until": None}
# And when no run is under way.
NO_RUN: dict[str, Any] = {
    **FREE, "run_at": None, "asked_from": None, "phase": None, "cursor": None,
}  # fmt: skip
NONE_FOUND: dict[str, Any] = {"looked": 0, "differing": 0, "in_doubt": 0, "gone": 0}


class Watermark(msgspec.Struct, frozen=True):
    """A row of the table ``watermarks``, which says what each column means."""

    shop: str
    resource: str
    since: datetime | None
    swept_at: datetime | None
    due_at: datetime
    run_at: datetime | None
    asked_from: datetime | None
    phase: str | None
    cursor: str | None
    waits_for: str | None
    owner: str | None
    until: datetime | None
    looked: int
    differing: int
    in_doubt: int
    gone: int
    ended_at: datetime | None

    def covers(self, since: datetime | None) -> bool:
        """Whether the run under way asks for all that changed since then (None: ever)."""
        if self.run_at is None:
            return False
        return self.asked_from is None or (since is not None and self.asked_from <= since)


class Watermarks:
    """Every method is one short transaction, and raises StoreUnavailable and StoreOutdated."""

    def __init__(self, store: Store, overlap_s: float) -> None:
        self._store = store
        self._overlap = timedelta(seconds=overlap_s)

    def of(self, shop: str) -> list[Watermark]:
        """All rows of a shop, by resource."""
        query = select(watermarks).where(watermarks.c.shop == shop)
        with self._store.reading() as connection:
            return [_mark(row) for row in connection.execute(query.order_by("resource"))]

    def take(self, shop: str, resource: str, owner: str, heir: str) -> Watermark | None:
        """A slice that was published for ``owner`` begins, as ``heir``; a new run, if none was.

        None: the row is another's by now, or the same slice was delivered twice.
        """
        row = watermarks.c
        mine = (row.shop == shop) & (row.resource == resource) & (row.owner == owner)
        with self._store.writing() as connection:
            now = time_of(connection)
            statement = update(watermarks).where(mine).values(owner=heir, until=_lease(now))
            if not connection.execute(statement).rowcount:
                return None
            mark = _read(connection, shop, resource)
            if mark.run_at is not None:
                return mark
            asked_from = None if mark.since is None else mark.since - self._overlap
            return _begin(connection, mark, now, asked_from)

    def seize(
        self, shop: str, resource: str, owner: str, since: datetime | None
    ) -> Watermark | None:
        """Take a row for a run that asks for what changed since then (None: ever), and sweeps.

        A run under way that asks for at least as much is gone on with. None: another has it.
        """
        row = watermarks.c
        with self._store.writing() as connection:
            now = time_of(connection)
            make_rows(connection, [shop], now, lambda: now)
            free = row.until.is_(None) | (row.until <= now)
            statement = (
                update(watermarks)
                .where(row.shop == shop, row.resource == resource, free)
                .values(owner=owner, until=_lease(now), swept_at=LONG_AGO, waits_for=None)
            )
            if not connection.execute(statement).rowcount:
                return None
            mark = _read(connection, shop, resource)
            return mark if mark.covers(since) else _begin(connection, mark, now, since)

    def save(self, mark: Watermark, **changes: Any) -> Watermark | None:
        """Note how far the run is, and keep the row for longer. None: it is another's by now."""
        return self._write(mark, lambda now: {"waits_for": None, **changes, "until": _lease(now)})

    def end(self, mark: Watermark, next_s: float, **changes: Any) -> Watermark | None:
        """The run is over; the next is due in ``next_s``. None: the row is another's by now."""
        return self._write(
            mark,
            lambda now: {
                **NO_RUN, **changes, "waits_for": None, "ended_at": now,
                "due_at": now + timedelta(seconds=next_s),
            },
        )  # fmt: skip

    def let_go(self, mark: Watermark, wait_s: float, cause: str | None) -> Watermark | None:
        """The run goes on at the same place, but not before ``wait_s``, because of ``cause``."""
        return self._write(
            mark,
            lambda now: {
                **FREE, "waits_for": cause, "due_at": now + timedelta(seconds=wait_s),
            },
        )  # fmt: skip

    def give_up(self, mark: Watermark, next_s: float, cause: str) -> Watermark | None:
        """The run ends without having come to its end; the next asks for the same again."""
        return self._write(
            mark,
            lambda now: {
                **NO_RUN, "waits_for": cause, "due_at": now + timedelta(seconds=next_s),
            },
        )  # fmt: skip

    def _write(
        self, mark: Watermark, changes: Callable[[datetime], dict[str, Any]]
    ) -> Watermark | None:
        row = watermarks.c
        mine = (row.shop == mark.shop) & (row.resource == mark.resource) & (row.owner == mark.owner)
        with self._store.writing() as connection:
            values = changes(time_of(connection))
            if not connection.execute(update(watermarks).where(mine).values(values)).rowcount:
                return None
        return msgspec.structs.replace(mark, **values)


def make_rows(
    connection: Connection, domains: Sequence[str], now: datetime, due_at: Callable[[], datetime]
) -> None:
    """Rows for shops that have none yet. ``due_at()`` is asked for each; two may do this at once.

    There is nothing in the database that Shopify could have deleted, so they count as swept.
    """
    new = [
        {
            "shop": domain, "resource": name, "due_at": due_at(), "swept_at": now, **NONE_FOUND,
        }
        for domain in domains
        for name in RESOURCES
    ]  # fmt: skip
    if new:
        connection.execute(insert_if_new(connection.dialect.name, watermarks), new)


def time_of(connection: Connection) -> datetime:
    """The database's own time."""
    now: datetime = connection.execute(select(database_now())).scalar_one()
    return now


def _begin(
    connection: Connection, mark: Watermark, now: datetime, asked_from: datetime | None
) -> Watermark:
    values = {
        **NONE_FOUND, "run_at": now, "asked_from": asked_from, "phase": CHANGED, "cursor": None,
        "waits_for": None,
    }  # fmt: skip
    row = watermarks.c
    connection.execute(
        update(watermarks)
        .where(row.shop == mark.shop, row.resource == mark.resource)
        .values(values)
    )
    return msgspec.structs.replace(mark, **values)


def _read(connection: Connection, shop: str, resource: str) -> Watermark:
    row = watermarks.c
    query = select(watermarks).where(row.shop == shop, row.resource == resource)
    return _mark(connection.execute(query).one())


def _mark(row: Row[Any]) -> Watermark:
    return Watermark(**row._mapping)  # noqa: SLF001 - its public name


def _lease(now: datetime) -> datetime:
    return now + timedelta(seconds=LEASE_S)
