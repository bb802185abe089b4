"""A shop comes in, or comes back: its tokens are sealed and kept in one transaction."""

import random
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, select, update

from avnu.clock import Clock
from avnu.store.columns import instant
from avnu.store.database import Store
from avnu.store.inserting import insert_if_new
from avnu.store.pairs import TokenPair, columns_of
from avnu.store.shops import LEASE_ENDED, Status
from avnu.store.tables import shops
from avnu.store.vault import Vault

_NO_TOKENS: dict[str, Any] = {
    "refresh_token": None,
    "refresh_expires_at": None,
}


class Installing:
    """Takes tokens in. Everything raises StoreUnavailable and StoreOutdated.

    ``returning(shop)`` is told of a shop that had uninstalled the app, before it is installed: what
    it has missed is to be asked for. It may be told twice.
    """

    def __init__(
        self,
        store: Store,
        vault: Vault,
        clock: Clock,
        chance: random.Random,
        returning: Callable[[str], object] = lambda _: None,
    ) -> None:
        self._returning = returning
        self._store = store
        self._vault = vault
        self._clock = clock
        self._chance = chance

    def install(
        self,
        domain: str,
        pair: TokenPair,
        *,
        plan: str | None = None,
        scopes: tuple[str, ...] | None = None,
        replace: bool = True,
    ) -> bool:
        """Keep a shop with its tokens, and call it installed; whatever it had before is replaced.

        A refresh of the old pair that is under way is not kept any more. With ``replace=False`` a
        shop that has tokens is left alone. Answers whether the tokens were taken.
        """
        if self._has_left(domain):
            self._returning(domain)
        now_s = self._clock.time()
        changes: dict[str, Any] = {
            **_NO_TOKENS,
            **columns_of(self._vault, domain, pair, now_s, self._chance),
            **LEASE_ENDED,
            "status": Status.INSTALLED.value,
            "reason": "",
            "uninstalled_at": None,
            "updated_at": instant(now_s),
        }
        # What webhooks told before that is older now.
        if plan is not None:
            changes |= {"plan": plan, "profile_at": instant(now_s)}
        if scopes is not None:
            changes |= {"scopes": ",".join(scopes), "scopes_at": instant(now_s)}
        with self._store.writing() as connection:
            self._make_row(connection, domain, now_s)
            row = connection.execute(
                select(shops.c.status, shops.c.access_token)
                .where(shops.c.domain == domain)
                .with_for_update()
            ).one()
            if row.access_token is not None and not replace:
                return False
            if row.status != Status.INSTALLED.value:
                changes["installed_at"] = instant(now_s)
            connection.execute(update(shops).where(shops.c.domain == domain).values(changes))
        return True

    def _has_left(self, domain: str) -> bool:
        query = select(shops.c.uninstalled_at).where(shops.c.domain == domain)
        with self._store.reading() as connection:
            return connection.execute(query).scalar() is not None

    def _make_row(self, connection: Connection, domain: str, now_s: float) -> None:
        """An empty row, unless there is one; two processes may do this at once."""
        values = {
            "domain": domain,
            "status": Status.UNINSTALLED.value,
            "reason": "",
            "plan": "",
            "scopes": "",
            "refresh_failures": 0,
            "updated_at": instant(now_s),
        }
        connection.execute(insert_if_new(connection.dialect.name, shops).values(values))
