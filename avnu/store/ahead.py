"""New tokens ahead of need: before a handler has to wait for one, and before the last one ends.

A shop in which nothing happens never asks for its token, and its refresh token ends after 90 days
(``pairs.py``); then only the merchant could help. Its access token is left to end: an idle shop
needs none. One that has sent something within the hour gets a new one in good time.
"""

import logging
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import and_, case, exists, or_, select

from avnu.clock import Clock
from avnu.errors import OutOfTime, ShopUnauthorised, TokenUnavailable, UnknownShop
from avnu.store.columns import database_now, instant
from avnu.store.database import Store
from avnu.store.shops import Shops, Status
from avnu.store.tables import habits, shops
from avnu.store.tokens import Tokens

log = logging.getLogger(__name__)

_ENDING = timedelta(days=30)
# One of unknown end is used when its access token has been over for so long.
_UNUSED = timedelta(days=7)
_HEARD_OF = timedelta(hours=1)
_MOST = 500
# So many failures one after the other are not the shops'.
_ENOUGH_FAILURES = 3


class Refreshed(msgspec.Struct):
    """How many shops got new tokens, and how many did not."""

    refreshed: int = 0
    failed: int = 0


class Ahead:
    """Refreshes what is due, one shop after the other, the nearest to its end first."""

    def __init__(self, store: Store, tokens: Tokens, clock: Clock) -> None:
        self._store = store
        self._shops = Shops(store, clock)
        self._tokens = tokens
        self._clock = clock

    def run(self, until_s: float) -> Refreshed:
        """Until all that is due is done, ``until_s`` (monotonic) comes, or Shopify is in trouble.

        What fails is tried again after its own wait (``renewal.py``). Raises StoreUnavailable.
        """
        did, in_a_row = Refreshed(), 0
        for shop in self.due(instant(self._clock.time())):
            try:
                done = self._refresh(shop, until_s)
            except OutOfTime:
                break
            except TokenUnavailable as fault:
                log.warning("tokens ahead: %s", fault)
                did.failed += 1
                if fault.platform:
                    break
                done = False
            did.refreshed += done
            did.failed += not done
            in_a_row = 0 if done else in_a_row + 1
            if in_a_row >= _ENOUGH_FAILURES:
                break
        return did

    def due(self, now: datetime) -> list[str]:
        """Domains, those that would lose their refresh token before those that are in use."""
        row = shops.c
        ending = or_(
            row.refresh_expires_at < now + _ENDING,
            and_(row.refresh_expires_at.is_(None), row.access_due_at < now - _UNUSED),
        )
        heard_of = exists().where(habits.c.shop == row.domain, habits.c.last_at > now - _HEARD_OF)
        query = (
            select(row.domain)
            .where(row.status.in_((Status.INSTALLED.value, Status.FROZEN.value)))
            .where(row.refresh_token.is_not(None))
            .where(row.refresh_after.is_(None) | (row.refresh_after <= database_now()))
            .where(or_(ending, and_(row.access_due_at <= now, heard_of)))
            .order_by(case((ending, 0), else_=1), row.refresh_expires_at, row.domain)
            .limit(_MOST)
        )
        with self._store.reading() as connection:
            return list(connection.execute(query).scalars())

    def _refresh(self, shop: str, until_s: float) -> bool:
        try:
            found = self._shops.get(shop)
            if found.access_due_at is None or found.access_due_at > instant(self._clock.time()):
                self._shops.make_due(shop)
            self._tokens.forget(shop)
            self._tokens.get(shop, until_s)
            # While the old one lives, it is what a refresh that failed gives.
            return not self._shops.get(shop).refresh_failures
        except (ShopUnauthorised, UnknownShop) as fault:
            log.warning("tokens ahead: %s", fault)
            return False
