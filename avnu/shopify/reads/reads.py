"""The door to whole reads."""

from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec

from avnu.clock import Clock
from avnu.shopify.admin import Admin
from avnu.store.market.changes import Kind
from avnu.store.market.versions import Item, Key, Level, Location, Order, Product


class Seen(msgspec.Struct, frozen=True):
    """A resource that Shopify names, and the version that it has there."""

    key: Key
    updated_at: datetime


class Page(msgspec.Struct, frozen=True):
    """Some of what changed. ``after``: where the next page begins; None: there is none."""

    seen: tuple[Seen, ...]
    after: str | None


class Reads:
    """Whole resources of one shop. ``currency`` answers the shop's, which no product names."""

    def __init__(self, admin: Admin, clock: Clock, currency: Callable[[], str]) -> None:
        self._admin = admin
        self._clock = clock
        self._currency = currency

    def products(self, ids: Iterable[int]) -> dict[int, Product]:
        """Products with all their variants, however many; what Shopify does not have is missing."""
        raise NotImplementedError

    def items(self, ids: Iterable[int]) -> dict[int, Item]:
        """Inventory items."""
        raise NotImplementedError

    def levels(self, item_ids: Iterable[int]) -> dict[int, tuple[Level, ...]]:
        """Where items are stocked, by item; () for one that is stocked nowhere."""
        raise NotImplementedError

    def locations(self, ids: Iterable[int]) -> dict[int, Location]:
        """Locations, also inactive ones."""
        raise NotImplementedError

    def orders(self, ids: Iterable[int]) -> dict[int, Order]:
        """Orders with all their lines, refunds and shipments."""
        raise NotImplementedError

    def existing(self, kind: Kind, ids: Iterable[int]) -> frozenset[int]:
        """Those of ``ids`` that Shopify still has: what a delete is confirmed by."""
        raise NotImplementedError

    def changed(self, kind: Kind, since: datetime | None, after: str | None) -> Page:
        """A page of what has changed since then (None: of all there is).

        Products, orders and locations: the oldest change first. Items and levels: by id, as Shopify
        sorts them by nothing else; so of these only a listing read to its end says that nothing
        older is missing. ``after``: the former page's, also of another process.
        """
        raise NotImplementedError
