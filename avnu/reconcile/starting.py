"""Which runs begin now: what is due, a bounded number at a time, and spread over the interval."""

import random
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select, tuple_, update

from avnu.reconcile.resources import RESOURCES
from avnu.reconcile.watermarks import LEASE_S, LONG_AGO, NO_RUN, make_rows, time_of
from avnu.settings import Settings
from avnu.store.database import Store
from avnu.store.shops import Status
from avnu.store.tables import shops, watermarks

# Shops that are given their rows in one transaction; the rest follow with the next run of the job.
_NEW_SHOPS = 500
# Of many shops that come at once, one begins every so often: they are spread from the start.
_APART_S = 20.0
# A frozen shop is asked too: the first good answer tells that it is frozen no more.
_ASKED = (Status.INSTALLED.value, Status.FROZEN.value)


def begin_due(
    store: Store, settings: Settings, owner: str, chance: random.Random
) -> list[tuple[str, str]]:
    """(shop, resource) of the runs that are due, now ``owner``'s; the most overdue first.

    At most RECONCILE_AT_ONCE are under way, over all callers. One that is published and never
    taken comes again when its lease is over. Raises StoreUnavailable.
    """
    with store.writing() as connection:
        now = time_of(connection)
        _greet(connection, settings, now, chance)
        row = watermarks.c
        alive = select(func.count()).select_from(watermarks).where(row.until > now)
        room = settings.reconcile_at_once - connection.execute(alive).scalar_one()
        return _claim(connection, owner, now, room) if room > 0 else []


def due_now(store: Store, shop: str) -> None:
    """A shop has installed the app, also again: everything is asked for, as soon as can be.

    A run under way is left by its owner. Raises StoreUnavailable.
    """
    with store.writing() as connection:
        now = time_of(connection)
        make_rows(connection, [shop], now, lambda: now)
        connection.execute(
            update(watermarks)
            .where(watermarks.c.shop == shop)
            .values({**NO_RUN, "since": None, "swept_at": None, "waits_for": None, "due_at": now})
        )


def compare_all(store: Store) -> None:
    """Every row there is is due now, for what changed since its watermark and for all deletes.

    How far that is, ``uncompared`` tells. Raises StoreUnavailable.
    """
    with store.writing() as connection:
        now = time_of(connection)
        connection.execute(update(watermarks).values(due_at=now, swept_at=LONG_AGO, ended_at=None))


def uncompared(store: Store) -> int:
    """Rows of installed shops whose run has not come to its end since ``compare_all``."""
    row = watermarks.c
    left = (
        select(func.count())
        .select_from(watermarks.join(shops, shops.c.domain == row.shop))
        .where(shops.c.status == Status.INSTALLED.value, row.ended_at.is_(None))
    )
    with store.reading() as connection:
        return int(connection.execute(left).scalar_one())


def _greet(
    connection: Connection, settings: Settings, now: datetime, chance: random.Random
) -> None:
    rows = (
        select(func.count())
        .select_from(watermarks)
        .where(watermarks.c.shop == shops.c.domain)
        .scalar_subquery()
    )
    lacking = (
        select(shops.c.domain)
        .where(shops.c.status.in_(_ASKED), rows < len(RESOURCES))
        .limit(_NEW_SHOPS)
    )
    domains = list(connection.execute(lacking).scalars())
    within_s = min(settings.reconcile_interval_seconds, _APART_S * len(domains))
    make_rows(
        connection, domains, now, lambda: now + timedelta(seconds=chance.uniform(0, within_s))
    )


def _claim(connection: Connection, owner: str, now: datetime, room: int) -> list[tuple[str, str]]:
    row = watermarks.c
    # Said twice: of two callers at once the second looks again at rows that the first has changed.
    free = (row.due_at <= now) & (row.until.is_(None) | (row.until <= now))
    chosen = (
        select(row.shop, row.resource)
        .join(shops, shops.c.domain == row.shop)
        .where(free, shops.c.status.in_(_ASKED))
        .order_by(row.due_at)
        .limit(room)
    )
    statement = (
        update(watermarks)
        .where(free, tuple_(row.shop, row.resource).in_(chosen))
        .values(owner=owner, until=now + timedelta(seconds=LEASE_S))
        .returning(row.shop, row.resource, row.due_at)
    )
    claimed = sorted(connection.execute(statement), key=lambda one: one.due_at)
    return [(one.shop, one.resource) for one in claimed]
