"""The door for reads: what the copy holds, each asked for on its own and of one moment."""

from collections.abc import Sequence
from datetime import datetime

from avnu.store.database import Store
from avnu.store.market import forgetting, reading
from avnu.store.market.changes import ResourceKind
from avnu.store.market.families import ITEMS, LOCATIONS, family_of
from avnu.store.market.outcomes import Stamp
from avnu.store.market.versions import (
    Fulfillment,
    Item,
    Key,
    Level,
    Location,
    Order,
    Product,
    Refund,
)


class Copy:
    """What is there of a shop. Safe for threads and processes.

    Everything raises StoreUnavailable and StoreOutdated. What was deleted is not there, but for
    ``stamps``.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def product(self, shop: str, id_: int) -> Product | None:
        """A product with its variants by id, or None."""
        with self._store.reading() as connection:
            return reading.product(connection, shop, id_)

    def item(self, shop: str, id_: int) -> Item | None:
        """An inventory item, or None."""
        with self._store.reading() as connection:
            return reading.plain(connection, ITEMS, Item, shop, id_)

    def levels(self, shop: str, inventory_item_id: int) -> tuple[Level, ...]:
        """An item's stock, by location."""
        with self._store.reading() as connection:
            return reading.levels(connection, shop, inventory_item_id)

    def location(self, shop: str, id_: int) -> Location | None:
        """A location, or None."""
        with self._store.reading() as connection:
            return reading.plain(connection, LOCATIONS, Location, shop, id_)

    def order(self, shop: str, id_: int) -> Order | None:
        """An order with lines, refunds and shipments, each by id, or None."""
        with self._store.reading() as connection:
            return reading.order(connection, shop, id_)

    def orders_of(self, shop: str, customer_id: int) -> tuple[int, ...]:
        """Ids of the customer's orders, as far as they are known, and not redacted."""
        with self._store.reading() as connection:
            return tuple(sorted(forgetting.orders_of(connection, shop, customer_id)))

    def refunds(self, shop: str, order_id: int) -> tuple[Refund, ...]:
        """An order's refunds, also those that came before it."""
        with self._store.reading() as connection:
            return reading.refunds(connection, shop, order_id)

    def fulfillments(self, shop: str, order_id: int) -> tuple[Fulfillment, ...]:
        """An order's shipments, also those that came before it."""
        with self._store.reading() as connection:
            return reading.fulfillments(connection, shop, order_id)

    def counts(self, shop: str) -> dict[ResourceKind, int]:
        """How many live resources of each kind the shop has."""
        with self._store.reading() as connection:
            return reading.counts(connection, shop)

    def stamps(self, shop: str, kind: ResourceKind, keys: Sequence[Key]) -> dict[Key, Stamp]:
        """How those of ``keys`` stand that are known, deleted ones too: to compare versions by."""
        with self._store.reading() as connection:
            return reading.stamps(connection, family_of(kind), shop, keys)

    def keys(
        self,
        shop: str,
        kind: ResourceKind,
        *,
        after: Key | None,
        most: int,
        created_since: datetime | None = None,
    ) -> list[Key]:
        """What the shop has of a kind, by key, beginning after that one."""
        with self._store.reading() as connection:
            return reading.keys(
                connection, family_of(kind), shop,
                after=after, most=most, created_since=created_since,
            )  # fmt: skip
