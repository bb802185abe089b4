"""Each period of a job is one caller's, whatever number of beats and workers asks for it.

A row of the table ``periodic`` says when a job is due and who does it. Who moves ``due_at`` on has
the period: a guarded update, by the database's own clock, so hosts' clocks do not matter. A holder
that is killed leaves its name behind; the job is due again when its time is over.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, update

from avnu.store.columns import database_now
from avnu.store.database import Store
from avnu.store.inserting import insert_if_new
from avnu.store.tables import periodic

# Beat's messages come a little early or late. The share of a period by which one may be early.
_EARLY = 0.1
_EVER = datetime.fromtimestamp(0, UTC)


class Periodic:
    """The periods that one run may have. ``owner`` is random, new for each run.

    Everything raises StoreUnavailable and StoreOutdated.
    """

    def __init__(self, store: Store, owner: str) -> None:
        self._store = store
        self._owner = owner

    def claim(self, name: str, every_s: float, within_s: float) -> bool:
        """Whether this run is to do the job now: True for one caller in each period.

        The caller says ``ended`` when it is over. One that has not within ``within_s`` is taken for
        dead: the job is due again at once, also when its period is longer.
        """
        row = self._look(name)
        if row is None:
            self._make_row(name)
            row = self._look(name)
        if row is None or not _is_due(row):
            return False
        statement = (
            update(periodic)
            .where(periodic.c.name == name, periodic.c.due_at == row.due_at)
            .where(periodic.c.until.is_not_distinct_from(row.until))
            .values(
                due_at=row.now + timedelta(seconds=every_s * (1 - _EARLY)),
                owner=self._owner,
                until=row.now + timedelta(seconds=within_s),
            )
        )
        with self._store.writing() as connection:
            return bool(connection.execute(statement).rowcount)

    def ended(self, name: str) -> None:
        """The job is over, done or failed; nothing happens if another has it by now."""
        statement = (
            update(periodic)
            .where(periodic.c.name == name, periodic.c.owner == self._owner)
            .values(owner=None, until=None, ended_at=database_now())
        )
        with self._store.writing() as connection:
            connection.execute(statement)

    def _look(self, name: str) -> Row[Any] | None:
        query = select(
            periodic.c.due_at, periodic.c.owner, periodic.c.until, database_now().label("now")
        )
        with self._store.reading() as connection:
            return connection.execute(query.where(periodic.c.name == name)).one_or_none()

    def _make_row(self, name: str) -> None:
        """A job that never ran is due now; two callers may do this at once."""
        with self._store.writing() as connection:
            new = insert_if_new(connection.dialect.name, periodic)
            connection.execute(new.values(name=name, due_at=_EVER))


def _is_due(row: Row[Any]) -> bool:
    now: datetime = row.now
    return bool(row.due_at <= now if row.until is None else row.until <= now)
