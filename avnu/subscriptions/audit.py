"""The audit of webhook subscriptions: shops that are due, one after another, in bulk class.

What is found is kept in the table ``subscription_audits``, for ``avnu shops subscriptions``.
"""

import logging
import random
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import select

from avnu.clock import Clock
from avnu.errors import (
    BreakerOpen,
    CallRefused,
    OutOfTime,
    Park,
    PlatformFault,
    ShopForbidden,
    StoreOutdated,
    StoreUnavailable,
)
from avnu.logs import about
from avnu.settings import Settings
from avnu.shopify import queries
from avnu.shopify.admin import Admin
from avnu.store.columns import instant
from avnu.store.database import Store
from avnu.store.inserting import insert_into
from avnu.store.shops import Status
from avnu.store.tables import shops, subscription_audits
from avnu.subscriptions.findings import Findings, Refused, compare, silent
from avnu.subscriptions.habits import Habits
from avnu.subscriptions.wanted import api_name

log = logging.getLogger(__name__)

_MOST = 200
# Ends the run rather than the audit of one shop: it would be the same for the next.
_FOR_ALL = (BreakerOpen, StoreOutdated, StoreUnavailable)
_AGAIN_S = 3600.0
# Shops that were audited in one go drift apart.
_SPREAD = (0.9, 1.1)


class _Auditor(msgspec.Struct, frozen=True):
    """Who asks for a mutation, where handlers have a webhook."""

    id: str = "audit"


class Audited(msgspec.Struct, frozen=True):
    """The last audit of a shop; ``audited_at`` is empty while none came to its end."""

    shop: str
    audited_at: datetime | None
    due_at: datetime
    found: Findings


class Audits:
    """``admin(shop, until_s)`` is the shop's Admin API, for calls that end by then (monotonic)."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        clock: Clock,
        chance: random.Random,
        *,
        habits: Habits,
        admin: Callable[[str, float], Admin],
    ) -> None:
        self._settings = settings
        self._store = store
        self._habits = habits
        self._admin = admin
        self._clock = clock
        self._chance = chance

    def run(self, until_s: float) -> dict[str, int]:
        """Audit shops that are due until the time is over; what was found, in numbers.

        A shop that cannot be asked now is asked later. Raises BreakerOpen, PlatformFault and
        StoreUnavailable: what was found until then is kept.
        """
        did = {"shops": 0, "later": 0}
        for shop in self._due():
            try:
                found = self.audit(shop, until_s)
            except OutOfTime:
                break
            except _FOR_ALL:
                raise
            except (Park, CallRefused) as fault:
                log.warning("subscriptions were not looked at: %s", fault, extra=about(shop=shop))
                wait_s = fault.wait_s if isinstance(fault, Park) else None
                self._keep(shop, max(wait_s or _AGAIN_S, 60.0), None)
                if isinstance(fault, PlatformFault):
                    # Maybe everybody's, but noted: one shop must not stand before all others.
                    raise
                did["later"] += 1
                continue
            did["shops"] += 1
            for name, n in found.counts.items():
                did[name] = did.get(name, 0) + n
        return did

    def audit(self, shop: str, until_s: float) -> Findings:
        """Look at one shop, make what is missing, and keep what was found."""
        admin = self._admin(shop, until_s)
        settings = self._settings
        nodes = admin.pages(queries.SUBSCRIPTIONS, lambda data: data.webhook_subscriptions)
        compared = compare(nodes, settings.shopify_subscriptions, settings.shopify_webhook_address)
        refused = self._subscribe(admin, compared.missing)
        without = {one.topic for one in refused}
        found = Findings(
            created=tuple(topic for topic in compared.missing if topic not in without),
            refused=refused,
            elsewhere=compared.elsewhere,
            doubled=compared.doubled,
            silent=silent(self._habits.of(shop), instant(self._clock.time())),
        )
        every_s = settings.subscriptions_every_seconds * self._chance.uniform(*_SPREAD)
        self._keep(shop, every_s, found)
        if found.counts:
            log.warning("subscriptions differ", extra=about(shop=shop, **found.counts))
        return found

    def _subscribe(self, admin: Admin, missing: Iterable[str]) -> tuple[Refused, ...]:
        refused: list[Refused] = []
        for topic in missing:
            asked = {"topic": api_name(topic), "uri": self._settings.shopify_webhook_address}
            try:
                admin.mutate(queries.SUBSCRIBE, asked, of=_Auditor())
            except (CallRefused, ShopForbidden) as fault:
                # A scope that is missing for one topic says nothing about the next.
                refused.append(Refused(topic, str(fault)))
        return tuple(refused)

    def _due(self) -> list[str]:
        """Installed shops, those that were never looked at before the others."""
        due_at = subscription_audits.c.due_at
        query = (
            select(shops.c.domain)
            .outerjoin(subscription_audits, subscription_audits.c.shop == shops.c.domain)
            .where(shops.c.status == Status.INSTALLED.value)
            .where(due_at.is_(None) | (due_at <= instant(self._clock.time())))
            .order_by(due_at.nulls_first(), shops.c.domain)
            .limit(_MOST)
        )
        with self._store.reading() as connection:
            return list(connection.execute(query).scalars())

    def _keep(self, shop: str, next_s: float, found: Findings | None) -> None:
        """Without ``found`` only the time of the next look."""
        now = instant(self._clock.time())
        row: dict[str, Any] = {"due_at": now + timedelta(seconds=next_s)}
        if found is not None:
            row |= {"audited_at": now, "found": msgspec.json.encode(found).decode()}
        with self._store.writing() as connection:
            statement = insert_into(connection.dialect.name, subscription_audits)
            statement = statement.values(shop=shop, **{"found": "{}", **row})
            connection.execute(statement.on_conflict_do_update(index_elements=["shop"], set_=row))


def audited(store: Store, shop: str = "") -> list[Audited]:
    """The last audits, of one shop or of all, by domain. Raises StoreUnavailable."""
    query = select(subscription_audits).order_by(subscription_audits.c.shop)
    if shop:
        query = query.where(subscription_audits.c.shop == shop)
    with store.reading() as connection:
        rows = connection.execute(query).all()
    return [
        Audited(row.shop, row.audited_at, row.due_at, msgspec.json.decode(row.found, type=Findings))
        for row in rows
    ]
