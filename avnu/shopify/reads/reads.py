"""The door to whole reads. To add a kind: its queries, its converter, and a method here."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TypeVar

from avnu.clock import Clock
from avnu.shopify.admin import Admin
from avnu.shopify.answers import sane
from avnu.shopify.query import NodesQuery
from avnu.shopify.reads import changed, filling, orders, products, stock
from avnu.shopify.reads.changed import Page
from avnu.shopify.reads.pages import Keep, Pages
from avnu.shopify.reads.queries import listings
from avnu.shopify.reads.queries import stock as stock_queries
from avnu.shopify.reads.whole import Part, Reading, Whole
from avnu.store.market.changes import ResourceKind
from avnu.store.market.versions import Item, Level, Location, Order, Product

N = TypeVar("N")
V = TypeVar("V")

# As Shopify spells the kinds that have ids of their own.
_SPELT = {
    ResourceKind.PRODUCT: "Product",
    ResourceKind.ITEM: "InventoryItem",
    ResourceKind.LOCATION: "Location",
    ResourceKind.ORDER: "Order",
    ResourceKind.REFUND: "Refund",
    ResourceKind.FULFILLMENT: "Fulfillment",
}


class Reads:
    """Whole resources of one shop. ``currency`` answers the shop's, which no product names.

    A batch may cost more points than the shop has, and then the read parks on its way. What the
    methods ``…_by_part`` gave until then is good, so a caller that puts and settles part by part
    comes to an end however large its batch is; the others give all or nothing. ``keep``: where
    pages of long lists are kept for the next run, see ``pages.py``.
    """

    def __init__(
        self,
        admin: Admin,
        clock: Clock,
        currency: Callable[[], str],
        keep: Keep | None = None,
    ) -> None:
        self._admin = admin
        self._currency = currency
        self._whole = Whole(admin, clock, Pages(admin, clock, keep))

    def products(self, ids: Iterable[int]) -> dict[int, Product]:
        """Products with all their variants, however many; what Shopify does not have is missing.

        Partial is one that changed at each of three tries to read it: its next change tells more.
        """
        return _all(self.products_by_part(ids))

    def products_by_part(self, ids: Iterable[int]) -> Iterator[dict[int, Product | None]]:
        """The same, some at a time; None: Shopify does not have it."""
        wanted = list(ids)
        # First, as it may park too; and it is not asked for the sake of nothing.
        currency = self._currency() if wanted else ""
        return self._converted(
            filling.PRODUCTS, wanted, lambda node, at: products.product(node, currency, at)
        )

    def items(self, ids: Iterable[int]) -> dict[int, Item]:
        """Inventory items."""
        wanted = list(ids)
        currency = self._currency() if wanted else ""
        return self._plain(
            stock_queries.ITEMS, wanted, lambda node, at: stock.item(node, currency, at)
        )

    def levels(self, item_ids: Iterable[int]) -> dict[int, tuple[Level, ...]]:
        """Where items are stocked, by item; () for one that is stocked nowhere, or not there.

        A level that ended is not in the answer: what is not named is not stocked there any more.
        """
        parts = self.levels_by_part(item_ids)
        return {number: levels or () for part in parts for number, levels in part.items()}

    def levels_by_part(self, ids: Iterable[int]) -> Iterator[dict[int, tuple[Level, ...] | None]]:
        """The same, some at a time; None: there is no such item."""
        return self._converted(filling.LEVELS, ids, stock.levels)

    def locations(self, ids: Iterable[int]) -> dict[int, Location]:
        """Locations, also inactive ones."""
        return self._plain(stock_queries.LOCATIONS, ids, stock.location)

    def orders(self, ids: Iterable[int]) -> dict[int, Order]:
        """Orders with all their lines, refunds and shipments.

        Of those older than 60 days only an app with the scope read_all_orders is told.
        """
        return _all(self.orders_by_part(ids))

    def orders_by_part(self, ids: Iterable[int]) -> Iterator[dict[int, Order | None]]:
        """The same, some at a time; None: Shopify does not have it, or does not show it."""
        return self._converted(filling.ORDERS, ids, orders.order)

    def existing(self, kind: ResourceKind, ids: Iterable[int]) -> frozenset[int]:
        """Those of ``ids`` that Shopify still has: what a delete is confirmed by.

        For all kinds but levels, which have no ids: ``levels`` tells of them. An order that is
        older than 60 days exists only for an app with the scope read_all_orders.
        """
        return frozenset(self._admin.nodes(listings.existing(_SPELT[kind]), ids))

    def changed(self, kind: ResourceKind, since: datetime | None, after: str | None) -> Page:
        """A page of what has changed since then (None: of all there is).

        Products, orders and locations: the oldest change first. Items and levels: by id, as Shopify
        sorts them by nothing else; so of these only a listing read to its end says that nothing
        older is missing. ``after``: the former page's, also of another process.
        """
        return changed.changed(self._admin, kind, since, after)

    def _converted(
        self, reading: Reading[N], ids: Iterable[int], made: Callable[[N, datetime], V]
    ) -> Iterator[dict[int, V | None]]:
        for part in self._whole.parts(reading, ids):
            yield self._versions(part, made)

    def _plain(
        self, query: NodesQuery[N], ids: Iterable[int], made: Callable[[N, datetime], V]
    ) -> dict[int, V]:
        wanted = list(dict.fromkeys(ids))
        return _all([self._versions(self._whole.ask(query, wanted), made)]) if wanted else {}

    def _versions(self, part: Part[N], made: Callable[[N, datetime], V]) -> dict[int, V | None]:
        with sane(self._admin.shop):
            return {
                number: None if node is None else made(node, part.read_at)
                for number, node in part.nodes.items()
            }


def _all(parts: Iterable[dict[int, V | None]]) -> dict[int, V]:
    return {
        number: version for part in parts for number, version in part.items() if version is not None
    }
