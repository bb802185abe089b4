"""Shops with their tokens opened, for another service that is to take them over."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, select

from avnu.errors import TokenUnreadable
from avnu.secret import Secret
from avnu.store.database import Store
from avnu.store.pairs import ACCESS, REFRESH
from avnu.store.tables import shops
from avnu.store.vault import Vault


class Exported(msgspec.Struct, frozen=True):
    """One shop; ``refresh`` is empty where there is none, a time is None for never or not known."""

    domain: str
    access: Secret
    refresh: Secret
    access_expires_at: datetime | None
    refresh_expires_at: datetime | None
    plan: str
    scopes: tuple[str, ...]


class Unreadable(msgspec.Struct, frozen=True):
    """A shop whose tokens no key of ours opens."""

    domain: str


def exported(store: Store, vault: Vault) -> Iterator[Exported | Unreadable]:
    """Every shop that has tokens, by domain, all as they were at one moment.

    Raises StoreUnavailable.
    """
    query = select(shops).where(shops.c.access_token.is_not(None)).order_by(shops.c.domain)
    with store.reading() as connection:
        rows = connection.execute(query).all()
    for row in rows:
        try:
            yield _opened(vault, row)
        except TokenUnreadable:
            yield Unreadable(row.domain)


def _opened(vault: Vault, row: Row[Any]) -> Exported:
    refresh = row.refresh_token
    return Exported(
        row.domain,
        vault.open(row.domain, ACCESS, row.access_token),
        Secret() if refresh is None else vault.open(row.domain, REFRESH, refresh),
        row.access_expires_at,
        row.refresh_expires_at,
        row.plan,
        tuple(scope for scope in row.scopes.split(",") if scope),
    )
