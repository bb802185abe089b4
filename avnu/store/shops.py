"""The shops: who has installed the app, and how each stands with Shopify."""

import enum
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Column, Row, delete, select, update

from avnu.clock import Clock
from avnu.errors import UnknownShop
from avnu.store.columns import instant
from avnu.store.database import Store
from avnu.store.tables import shops

_PAGE = 500
REASON_LENGTH = 300

# What ends a refresh under way: its holder's answer is then no longer wanted.
LEASE_ENDED: dict[str, Any] = {
    "refresh_owner": None,
    "refresh_until": None,
    "refresh_after": None,
    "refresh_failures": 0,
}


class Status(enum.StrEnum):
    """How a shop stands. Only an installed or a frozen one has a token that is given out."""

    INSTALLED = "installed"
    UNINSTALLED = "uninstalled"
    FROZEN = "frozen"  # the merchant has not paid Shopify: 402
    UNAUTHORISED = "unauthorised"  # Shopify refuses our tokens


class Shop(msgspec.Struct, frozen=True):
    """One shop as the database has it, without its tokens."""

    domain: str
    status: Status
    reason: str  # why it is so; "" when all is well
    plan: str
    scopes: tuple[str, ...]
    installed_at: datetime | None
    uninstalled_at: datetime | None
    has_access_token: bool
    has_refresh_token: bool
    access_expires_at: datetime | None  # None: never, or not known
    access_due_at: datetime | None  # when a new pair is asked for; None: never
    refresh_expires_at: datetime | None
    refresh_failures: int
    updated_at: datetime


class Shops:
    """Reads and marks shops. Everything raises StoreUnavailable and StoreOutdated.

    Tokens come in through ``installing.install`` and go out through ``tokens.Tokens``.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def get(self, domain: str) -> Shop:
        """One shop. Raises UnknownShop."""
        with self._store.reading() as connection:
            row = connection.execute(select(shops).where(shops.c.domain == domain)).one_or_none()
        if row is None:
            raise UnknownShop(domain)
        return _shop(row)

    def every(self, status: Status | None = None) -> Iterator[Shop]:
        """All shops, or those of one status, by domain; read page by page."""
        after = ""
        while True:
            query = select(shops).where(shops.c.domain > after)
            if status is not None:
                query = query.where(shops.c.status == status.value)
            with self._store.reading() as connection:
                rows = connection.execute(query.order_by(shops.c.domain).limit(_PAGE)).all()
            yield from map(_shop, rows)
            if len(rows) < _PAGE:
                return
            after = rows[-1].domain

    def mark(self, domain: str, status: Status, reason: str = "") -> bool:
        """Note what Shopify says of a shop; answers whether that is new.

        An uninstalled shop stays so: only tokens bring it back. Raises UnknownShop. To uninstall,
        call ``uninstall``, which also forgets the tokens.
        """
        if status is Status.UNINSTALLED:
            raise ValueError("uninstall() uninstalls")
        statement = (
            update(shops)
            .where(shops.c.domain == domain, shops.c.status != Status.UNINSTALLED.value)
            .where((shops.c.status != status.value) | (shops.c.reason != reason[:REASON_LENGTH]))
            .values(status=status.value, reason=reason[:REASON_LENGTH], updated_at=self._now())
        )
        with self._store.writing() as connection:
            changed = connection.execute(statement).rowcount
        if not changed:
            self.get(domain)
        return bool(changed)

    def thaw(self, domain: str) -> None:
        """A frozen shop has answered again; any other is left as it is."""
        statement = (
            update(shops)
            .where(shops.c.domain == domain, shops.c.status == Status.FROZEN.value)
            .values(status=Status.INSTALLED.value, reason="", updated_at=self._now())
        )
        with self._store.writing() as connection:
            connection.execute(statement)

    def resume(self, domain: str) -> bool:
        """Try the shop's tokens again, whatever is noted against them; False if it has none.

        Also ends the wait after a refresh that failed. Raises UnknownShop.
        """
        statement = (
            update(shops)
            .where(shops.c.domain == domain, shops.c.status != Status.UNINSTALLED.value)
            .where(shops.c.access_token.is_not(None))
            .values(status=Status.INSTALLED.value, reason="", refresh_after=None)
            .values(refresh_failures=0, updated_at=self._now())
        )
        with self._store.writing() as connection:
            changed = connection.execute(statement).rowcount
        if not changed:
            self.get(domain)
        return bool(changed)

    def make_due(self, domain: str) -> None:
        """Have a new pair asked for at the next use of the token. Raises UnknownShop."""
        now = self._now()
        self._change(
            domain,
            {"access_due_at": now, "refresh_after": None, "refresh_failures": 0, "updated_at": now},
        )

    def describe(
        self,
        domain: str,
        *,
        plan: str | None = None,
        scopes: tuple[str, ...] | None = None,
        at: datetime | None = None,
    ) -> bool:
        """Note plan and scopes; None leaves what there is. Answers whether anything was noted.

        ``at`` is their version, Shopify's ``updated_at``: nothing older overwrites it. Raises
        UnknownShop.
        """
        told: list[tuple[Column[Any], dict[str, Any]]] = []
        if plan is not None:
            told.append((shops.c.profile_at, {"plan": plan}))
        if scopes is not None:
            told.append((shops.c.scopes_at, {"scopes": ",".join(scopes)}))
        noted = 0
        with self._store.writing() as connection:
            for version, changes in told:
                statement = update(shops).where(shops.c.domain == domain).values(changes)
                if at is not None:
                    statement = statement.where(version.is_(None) | (version <= at))
                    statement = statement.values({version: at})
                statement = statement.values(updated_at=self._now())
                noted += connection.execute(statement).rowcount
        if not noted:
            self.get(domain)
        return bool(noted)

    def uninstall(self, domain: str, triggered_at: datetime | None = None) -> bool:
        """The merchant removed the app: Shopify has revoked the tokens, so they are forgotten.

        A refresh under way is not kept any more. ``triggered_at``: when that was; one who has
        installed the app at that time or later is left alone. Answers whether the shop is
        uninstalled now. Raises UnknownShop.
        """
        now = self._now()
        statement = update(shops).where(shops.c.domain == domain)
        if triggered_at is not None:
            installed = shops.c.installed_at
            statement = statement.where(installed.is_(None) | (installed < triggered_at))
        statement = statement.where(shops.c.status != Status.UNINSTALLED.value).values(
            status=Status.UNINSTALLED.value,
            reason="",
            uninstalled_at=now,
            updated_at=now,
            access_token=None,
            refresh_token=None,
            access_expires_at=None,
            access_due_at=None,
            refresh_expires_at=None,
            **LEASE_ENDED,
        )
        with self._store.writing() as connection:
            changed = connection.execute(statement).rowcount
        return bool(changed) or self.get(domain).status is Status.UNINSTALLED

    def remove(self, domain: str) -> None:
        """Delete the shop's row, tokens and all. Raises UnknownShop."""
        with self._store.writing() as connection:
            if not connection.execute(delete(shops).where(shops.c.domain == domain)).rowcount:
                raise UnknownShop(domain)

    def _change(self, domain: str, changes: dict[str, Any]) -> None:
        statement = update(shops).where(shops.c.domain == domain).values(changes)
        with self._store.writing() as connection:
            if not connection.execute(statement).rowcount:
                raise UnknownShop(domain)

    def _now(self) -> datetime:
        return instant(self._clock.time())


def _shop(row: Row[Any]) -> Shop:
    return Shop(
        domain=row.domain,
        status=Status(row.status),
        reason=row.reason,
        plan=row.plan,
        scopes=tuple(scope for scope in row.scopes.split(",") if scope),
        installed_at=row.installed_at,
        uninstalled_at=row.uninstalled_at,
        has_access_token=row.access_token is not None,
        has_refresh_token=row.refresh_token is not None,
        access_expires_at=row.access_expires_at,
        access_due_at=row.access_due_at,
        refresh_expires_at=row.refresh_expires_at,
        refresh_failures=row.refresh_failures,
        updated_at=row.updated_at,
    )
