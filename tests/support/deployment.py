"""One deployment's client of the Admin API, before a sandbox over real HTTP."""

import dataclasses
import functools
import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec

from avnu.app import build_inbox
from avnu.breaker.control import BreakerControl, BreakerState
from avnu.breaker.policy import SHOPIFY, BreakerPolicy
from avnu.clock import Clock, SystemClock
from avnu.connections import Connections
from avnu.inbox import Inbox
from avnu.inbox.arrival import Stored
from avnu.inbox.bodies import Bodies
from avnu.inbox.turn import Settlement
from avnu.keys import Keys
from avnu.run import run_batch
from avnu.sandbox.admin import AdminSandbox
from avnu.sandbox.admin.tokens import Issued
from avnu.sandbox.shops import SandboxShop, shop_named
from avnu.secret import Secret
from avnu.services import Services
from avnu.settings import Settings
from avnu.shopify.admin import Admin
from avnu.shopify.reads import Reads
from avnu.store.installing import Installing
from avnu.store.pairs import TokenPair
from avnu.store.shops import Shops
from avnu.store.vault import require_vault
from avnu.webhook import Handler, Shop, Webhook
from tests.support.followed import HANDLERS
from tests.support.made_webhooks import made

CLIENT_ID, CLIENT_SECRET = "made-up-client-id", "shpss_made_up_for_tests"
PLENTY_S = 60.0
# Longer than it takes until nothing more can happen in the same second.
SOME_TIME_S = 5.0
# On the smallest plan: 2,000 points, 100 more each second.
SHOP: SandboxShop = msgspec.structs.replace(shop_named("one-goods.myshopify.com"), products=700)

# For a test of silence, so that it is over soon: with these, a busy machine is silent too.
QUICK = {
    "SHOPIFY_CONNECT_TIMEOUT_MS": "500",
    "SHOPIFY_READ_TIMEOUT_MS": "600",
    "SHOPIFY_TOTAL_TIMEOUT_MS": "900",
}


# Where nothing is meant to be slow, and a busy machine may be.
PATIENT = {
    "SHOPIFY_CONNECT_TIMEOUT_MS": "5000",
    "SHOPIFY_READ_TIMEOUT_MS": "10000",
    "SHOPIFY_TOTAL_TIMEOUT_MS": "12000",
    "BREAKER_SLOW_MS": "60000",
}


@dataclasses.dataclass
class Deployment:
    """The sandbox, and one process that calls it. ``unparked`` is what it told the inbox."""

    sandbox: AdminSandbox
    settings: Settings
    connections: Connections
    clock: Clock = dataclasses.field(default_factory=SystemClock)
    unparked: list[object] = dataclasses.field(default_factory=list)
    processes: list[Services] = dataclasses.field(default_factory=list)
    counters: Counter[str] = dataclasses.field(default_factory=Counter)

    @functools.cached_property
    def inbox(self) -> Inbox:
        """The deployment's inbox."""
        return build_inbox(self.settings, self.connections, self.clock)

    def process(self) -> Services:
        """One more process' client."""
        made = Services(
            self.settings,
            self.connections,
            self.clock,
            random.Random(7 + len(self.processes)),
            unpark=lambda shop, causes: self.unparked.append((shop, causes)),
            unpark_waiting=self.unparked.append,
            count=self.counters.update,
            bodies=Bodies(self.inbox),
        )
        # Outcomes travel with the next call, or when a test says so: never at a time of their own.
        made.guards._background = False
        self.processes.append(made)
        return made

    @property
    def client(self) -> Services:
        """The first process' client."""
        return self.processes[0] if self.processes else self.process()

    @property
    def shop(self) -> str:
        """The domain of the shop that has the app."""
        return SHOP.domain

    def install(
        self, shop: str = "", *, expiring: bool = True, life_s: float = 3600.0, **more: Any
    ) -> Issued:
        """The shop installs the app."""
        issued = self.sandbox.tokens.issue(shop or self.shop, expiring=expiring)
        pair = TokenPair(
            Secret(issued.access_token),
            Secret(issued.refresh_token or ""),
            life_s if expiring else None,
        )
        store = self.client.store
        taking = Installing(store, require_vault(self.settings), self.clock, random.Random(1))
        taking.install(shop or self.shop, pair, **more)
        self.client.tokens.forget(shop or self.shop)
        return issued

    def standing(self, shop: str = "") -> Any:
        """How the database has the shop."""
        return Shops(self.client.store, self.clock).get(shop or self.shop)

    def admin(self, shop: str = "", left_s: float = PLENTY_S) -> Admin:
        return self.client.admin(shop or self.shop, self.clock.monotonic() + left_s)

    def handle(self, handler: Handler, n: int = 1) -> tuple[Settlement, list[Exception]]:
        """Run a handler over a batch of this shop, as a worker's turn does."""
        batch = [
            Webhook(Stored(self.shop, f"id-{i}", 1, "orders", "orders/edited", 0, "", "", "", b""))
            for i in range(n)
        ]
        until_s = self.clock.monotonic() + PLENTY_S
        shop = Shop(self.shop, self.clock, until_s, lambda: self.client)
        return run_batch(shop, batch, {"order_edited": handler})

    def told(
        self, topic: str, body: Mapping[str, Any] | bytes, shop: str = "", **more: Any
    ) -> Webhook:
        """A webhook accepted some time ago; ``more`` as ``made`` has it."""
        accepted_s = self.clock.time() - SOME_TIME_S
        return made(shop or self.shop, topic, body, accepted_s, **more)

    def reads(self) -> Reads:
        """Whole reads of this shop, as a handler has them."""
        return self._held(self.shop).reads

    def follow(self, *webhooks: Webhook) -> tuple[Settlement, list[Exception]]:
        """Run the handlers of tasks/ over a batch of one shop, as a worker's turn does."""
        return run_batch(self._held(webhooks[0].shop), webhooks, HANDLERS)

    def _held(self, shop: str) -> Shop:
        until_s = self.clock.monotonic() + PLENTY_S
        return Shop(shop, self.clock, until_s, lambda: self.client)

    def breaker(self) -> BreakerState:
        """The shared breaker, once all outcomes are with it."""
        for process in self.processes:
            process.guards.flush()
        names, policy = Keys(self.settings.avnu_namespace), BreakerPolicy.of(self.settings)
        return BreakerControl(self.connections.cache(), names, policy).show(SHOPIFY)

    def counted(self) -> dict[str, float]:
        """Calls by their result, and points spent."""
        for process in self.processes:
            process.guards.flush()
        names = Keys(self.settings.avnu_namespace)
        found: Any = self.connections.cache().hgetall(names.of("api_counts"))
        return {name.decode(): float(n) for name, n in found.items()}

    def close(self) -> None:
        for process in self.processes:
            process.close()
        self.connections.close()
