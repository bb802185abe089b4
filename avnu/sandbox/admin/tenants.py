"""Per shop what the API keeps beside the shop's own things: its standing, and its bucket."""

import threading

import msgspec

from avnu.clock import Clock
from avnu.sandbox.admin.bucket import LIMITS, Bucket
from avnu.sandbox.admin.shop_world import ShopWorld
from avnu.sandbox.admin.world import World

#: From so many products on a shop is on Plus, as ``shops.shop_payload`` has it.
_PLUS_PRODUCTS = 1_000


class Standing(msgspec.Struct):
    """How a shop stands with Shopify."""

    plan: str  # a key of bucket.LIMITS
    frozen: bool = False  # has not paid: 402
    locked: bool = False  # 423
    uninstalled: bool = False  # has removed the app: its tokens are revoked


class Change(msgspec.Struct, forbid_unknown_fields=True):
    """What is to change about a standing; what is None stays."""

    plan: str | None = None
    frozen: bool | None = None
    locked: bool | None = None
    uninstalled: bool | None = None


class Tenant(msgspec.Struct, frozen=True):
    """One shop, as the API sees it."""

    world: ShopWorld
    standing: Standing
    bucket: Bucket


class Tenants:
    """All shops that have been asked. Safe to use from several threads."""

    def __init__(self, world: World, clock: Clock) -> None:
        self._world = world
        self._clock = clock
        self._lock = threading.Lock()
        self._all: dict[str, Tenant] = {}

    def of(self, domain: str) -> Tenant:
        """One shop; raises KeyError when the world does not know it."""
        with self._lock:
            if domain not in self._all:
                world = self._world.shop(domain)
                plan = "plus" if world.shop.products >= _PLUS_PRODUCTS else "basic"
                bucket = Bucket(*LIMITS[plan], self._clock)
                self._all[domain] = Tenant(world, Standing(plan), bucket)
            return self._all[domain]

    def take_in(self, other: World) -> list[str]:
        """Shops that have had another day: their standing and their points begin anew."""
        domains = self._world.take_in(other)
        with self._lock:
            for domain in domains:
                self._all.pop(domain, None)
        return domains

    def change(self, domain: str, change: Change) -> Standing:
        """The standing after the change; raises ValueError for a plan that is none, KeyError."""
        tenant = self.of(domain)
        if change.plan is not None and change.plan not in LIMITS:
            raise ValueError(f"no such plan: {change.plan!r}; there are {', '.join(LIMITS)}")
        for name, value in msgspec.structs.asdict(change).items():
            if value is not None:
                setattr(tenant.standing, name, value)
        if change.plan is not None:
            with tenant.bucket.lock:
                tenant.bucket.resize(*LIMITS[change.plan])
        return tenant.standing
