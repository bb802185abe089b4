"""One refresh at a time per shop, across all processes and hosts: a lease in the shop's own row.

Three places could hold that lock. A **row lock** held during the exchange (``FOR UPDATE``) keeps
a connection idle in a transaction for as long as Shopify takes, and SQLite has no row locks: a
``BEGIN IMMEDIATE`` around a network call would stop every writer of the whole database. A **lease
in Redis** is lost when the cache is flushed or evicts it, stops every refresh while Redis is down,
and cannot be compared in the transaction that stores the pair. So: an owner and an end in the row,
taken and ended by two short transactions with the network call between them. The pair is stored
only where the owner is still the same, so one who was frozen past its lease stores nothing; and a
reinstall, which clears the owner, is not overwritten by an answer to the token before it.

A holder that is killed leaves the lease behind, until it ends by the database's clock. Whoever
comes next asks with the same refresh token: Shopify accepts it until its replacement is used, for
up to 30 days (shopify.dev, changelog of 2026-08-28), so a pair that was answered and not stored is
no loss.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, select, update

from avnu.errors import UnknownShop
from avnu.store.columns import database_now
from avnu.store.database import Store
from avnu.store.shops import LEASE_ENDED, REASON_LENGTH, Status
from avnu.store.tables import shops
from avnu.store.verdict import TokenRow

_OF_TOKENS = (
    shops.c.domain.label("shop"),
    shops.c.status,
    shops.c.reason,
    shops.c.access_token.label("access"),
    shops.c.refresh_token.label("refresh"),
    shops.c.access_expires_at.label("expires_at"),
    shops.c.access_due_at.label("due_at"),
    shops.c.refresh_owner.label("owner"),
    shops.c.refresh_until.label("until"),
    shops.c.refresh_after.label("after"),
    shops.c.refresh_failures.label("failures"),
    database_now().label("now"),
)


class Refreshing:
    """The lease, and what its holder writes. Each method is one short transaction."""

    def __init__(self, store: Store, lease_s: float) -> None:
        self._store = store
        self._lease = timedelta(seconds=lease_s)

    def look(self, shop: str) -> TokenRow:
        """The shop's row as it is now. Raises UnknownShop."""
        with self._store.reading() as connection:
            query = select(*_OF_TOKENS).where(shops.c.domain == shop)
            row = connection.execute(query).one_or_none()
        if row is None:
            raise UnknownShop(shop)
        fields: dict[str, Any] = dict(row._mapping)  # noqa: SLF001 - its public name
        return TokenRow(**{**fields, "status": Status(row.status)})

    def take(self, row: TokenRow, owner: str) -> bool:
        """Take the lease, if nothing has changed since ``row`` was looked at; else False."""
        now = database_now()
        statement = (
            update(shops)
            .where(shops.c.domain == row.shop, shops.c.access_token == row.access)
            .where(shops.c.refresh_until.is_(None) | (shops.c.refresh_until <= now))
            .where(shops.c.refresh_after.is_(None) | (shops.c.refresh_after <= now))
            .values(refresh_owner=owner, refresh_until=row.now + self._lease)
        )
        with self._store.writing() as connection:
            return bool(connection.execute(statement).rowcount)

    def keep(
        self, shop: str, owner: str, columns: dict[str, Any], again_after: datetime, now: datetime
    ) -> bool:
        """Store a new pair and end the lease; False, and nothing stored, if it is another's now.

        No other pair is asked for before ``again_after`` (the database's time), whatever happens.
        """
        unauthorised = shops.c.status == Status.UNAUTHORISED.value
        healed = case((unauthorised, Status.INSTALLED.value), else_=shops.c.status)
        return self._end(
            shop,
            owner,
            {
                **LEASE_ENDED,
                **columns,
                "status": healed,
                "reason": case((healed == Status.INSTALLED.value, ""), else_=shops.c.reason),
                "refresh_after": again_after,
                "updated_at": now,
            },
        )

    def note_failure(
        self,
        row: TokenRow,
        owner: str,
        *,
        again_after: datetime,
        reason: str,
        unauthorised: bool,
        now: datetime,
    ) -> bool:
        """End the lease without a pair, say why, and when to ask again (the database's time)."""
        changes = {
            "refresh_owner": None,
            "refresh_until": None,
            "refresh_after": again_after,
            "refresh_failures": row.failures + 1,
            "reason": reason[:REASON_LENGTH],
            "updated_at": now,
        }
        if unauthorised:
            changes["status"] = Status.UNAUTHORISED.value
        return self._end(row.shop, owner, changes)

    def release(self, shop: str, owner: str) -> None:
        """End the lease as if it had not been taken."""
        self._end(shop, owner, {"refresh_owner": None, "refresh_until": None})

    def condemn(self, row: TokenRow, reason: str, now: datetime) -> None:
        """Call the shop unauthorised, unless its token has changed since ``row``."""
        statement = (
            update(shops)
            .where(shops.c.domain == row.shop, shops.c.access_token == row.access)
            .values(status=Status.UNAUTHORISED.value, reason=reason[:REASON_LENGTH], updated_at=now)
        )
        with self._store.writing() as connection:
            connection.execute(statement)

    def _end(self, shop: str, owner: str, changes: dict[str, Any]) -> bool:
        statement = (
            update(shops)
            .where(shops.c.domain == shop, shops.c.refresh_owner == owner)
            .values(changes)
        )
        with self._store.writing() as connection:
            return bool(connection.execute(statement).rowcount)
