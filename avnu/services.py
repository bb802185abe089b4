"""What handlers and jobs of one process work with, wired: database, cache, guards, Admin API."""

import logging
import random
from collections.abc import Callable, Mapping

from redis.exceptions import RedisError

from avnu.background import Background
from avnu.breaker import BreakerListener
from avnu.breaker.policy import CLOSED, OVER_WHEN_CLOSED
from avnu.budget import Budget, BudgetPolicy
from avnu.cache import Cache
from avnu.clock import Clock
from avnu.compliance.compliance import Compliance
from avnu.compliance.places import Places
from avnu.compliance.traces import Traces
from avnu.connections import Connections
from avnu.errors import (
    CallRefused,
    InboxUnavailable,
    OutOfTime,
    SettingsInvalid,
    ShopForbidden,
    ShopFrozen,
    ShopLocked,
    ShopNotFound,
    ShopUnauthorised,
    TokenExchangeFailed,
    UnknownShop,
)
from avnu.guards import build_guards
from avnu.inbox.bodies import Bodies
from avnu.keys import Keys
from avnu.logs import about
from avnu.per_process import PerProcess
from avnu.secret import Secret
from avnu.settings import Settings
from avnu.shopify.admin import Admin
from avnu.shopify.calls import Calls
from avnu.shopify.deprecations import Deprecations
from avnu.shopify.exchange import TokenEndpoint
from avnu.shopify.transport import Transport
from avnu.store.database import Store
from avnu.store.market.changes import hook_named
from avnu.store.market.market import Market
from avnu.store.pairs import TokenPair
from avnu.store.shops import Shops
from avnu.store.subjects import Subjects
from avnu.store.tokens import Tokens
from avnu.store.vault import require_vault
from avnu.subscriptions.habits import Habits

log = logging.getLogger(__name__)

OVER_WITH_A_TOKEN = ("unauthorised", "token")
"""Causes of parking that end when a call has worked again with a new token."""

# What only its own caller can deal with, or what an old value would hide from operators.
_NOT_HIDDEN = (
    CallRefused, OutOfTime, ShopForbidden, ShopFrozen, ShopLocked, ShopNotFound, ShopUnauthorised,
    UnknownShop,
)  # fmt: skip


class Unparking(BreakerListener):
    """Lets shops that waited for Shopify go on when the breaker closes.

    Told in one process only, in a thread of its own: there may be thousands, and the call whose
    outcome closed the breaker must not wait for them. If the process dies first, each shop goes on
    when its time comes.
    """

    def __init__(self, unpark: Callable[[], object]) -> None:
        self._threads = PerProcess(lambda: Background("unparking", self._work, 0.0))
        self._unpark = unpark

    def turned(self, cb: object, old_state: str, new_state: str) -> None:  # noqa: ARG002
        """The state changed by what this process did."""
        if new_state == CLOSED:
            self._threads.get().at_once()

    def _work(self) -> bool:
        try:
            self._unpark()
        except InboxUnavailable as fault:
            log.warning("shops that waited for Shopify go on when their time comes: %s", fault)
        return False


class Services:
    """Safe to share between threads. Making one opens nothing.

    ``unpark(shop, causes)``, ``unpark_waiting(causes)``, ``count(counters)`` and ``bodies`` are the
    inbox's. Raises SettingsInvalid when TOKEN_ENCRYPTION_KEYS is not set, or MARKET_CHANGED names
    nothing.
    """

    def __init__(
        self,
        settings: Settings,
        connections: Connections,
        clock: Clock,
        chance: random.Random,
        *,
        unpark: Callable[[str, tuple[str, ...]], object],
        unpark_waiting: Callable[[tuple[str, ...]], object],
        count: Callable[[Mapping[str, int]], object],
        bodies: Bodies,
    ) -> None:
        vault = require_vault(settings)
        self.transport = Transport(settings, clock)
        self.store = Store(settings.database_url)
        self.guards = build_guards(settings, connections.cache(), clock)
        self.guards.breaker.add_listener(Unparking(lambda: unpark_waiting(OVER_WHEN_CLOSED)))
        self.cache = Cache(settings, connections.entries(), clock, chance, passing=_NOT_HIDDEN)
        self.tokens = Tokens(
            self.store,
            vault,
            exchange_of(settings, self.transport),
            clock,
            chance,
        )
        self.subjects = Subjects(self.store, vault)
        changed = hook_named(settings.market_changed)
        self.market = Market(self.store, clock, changed, self.subjects)
        self.shops = Shops(self.store, clock)
        self.habits = Habits(self.store)
        self.stale_after_s = settings.market_stale_seconds
        names = Keys(settings.avnu_namespace)
        self._budget = Budget(connections.cache(), names, BudgetPolicy.of(settings))
        self._unpark = unpark
        self._count = count
        self._calls = Calls(
            settings,
            clock,
            chance,
            transport=self.transport,
            guards=self.guards,
            tokens=self.tokens,
            shops=self.shops,
            deprecations=Deprecations(connections.cache(), names, clock),
            revived=lambda shop: self.unpark(shop, OVER_WITH_A_TOKEN),
        )
        self.compliance = Compliance(
            Places(
                settings=settings,
                clock=clock,
                store=self.store,
                subjects=self.subjects,
                market=self.market,
                bodies=bodies,
                cache=self.cache,
                traces=Traces(connections.cache(), names),
                put_away=self.put_away,
            )
        )

    def admin(self, shop: str, until_s: float) -> Admin:
        """The Admin API of one shop, for work that must be over at ``until_s`` (monotonic)."""
        return Admin(shop, self._calls, until_s)

    def unpark(self, shop: str, causes: tuple[str, ...]) -> None:
        """Let the shop's webhooks go on now that wait for one of ``causes`` (or any: none given).

        In every area.
        """
        try:
            self._unpark(shop, causes)
        except InboxUnavailable as fault:
            log.warning("it goes on when its time comes: %s", fault, extra=about(shop=shop))

    def put_away(self, shop: str) -> None:
        """A shop has left: forget what is kept of it beside the database, let go what waits.

        What cannot be reached now ends by itself: budgets within a day, cached values by their
        lifetime, parkings when their time comes.
        """
        self.tokens.forget(shop)
        self.cache.invalidate(shop)
        try:
            self.guards.flush()  # what calls came to would make the budget anew
            self._budget.forget(shop)
        except (RedisError, OSError) as fault:
            told = about(shop=shop, error=type(fault).__name__)
            log.warning("its budget ends by itself", extra=told)
        self.unpark(shop, ())

    def count(self, counters: Mapping[str, int]) -> None:
        """Add to counters of the inbox; what cannot be brought there now is not counted."""
        try:
            self._count(counters)
        except InboxUnavailable as fault:
            log.warning("not counted: %s", fault)

    def close(self) -> None:
        """Bring what was counted to Redis, and close what is open."""
        self.cache.close()
        self.guards.close()
        self.transport.close()
        self.habits.close()
        self.store.close()


def exchange_of(settings: Settings, transport: Transport) -> Callable[[str, Secret], TokenPair]:
    """Refreshes tokens. An app without credentials in the settings is told of at each use.

    Lasting tokens need none, so their absence is no reason not to start.
    """

    def exchange(shop: str, refresh_token: Secret) -> TokenPair:
        try:
            endpoint = TokenEndpoint(settings, transport)
        except SettingsInvalid as fault:
            raise TokenExchangeFailed("; ".join(fault.faults)) from None
        return endpoint.exchange(shop, refresh_token)

    return exchange
