"""What one shop has: what its webhooks have told last, and otherwise what the catalogue makes.

Only what has happened is kept, so 40,000 products that nobody touched cost no memory; their times
lie long before the first day (``shops.untouched_at``).
"""

from collections.abc import Iterator

import msgspec

from avnu.sandbox import catalog
from avnu.sandbox.catalog import Level, Revision
from avnu.sandbox.encoding import Payload, encode, unix_time
from avnu.sandbox.shops import SandboxShop, location_payload, untouched_at

#: An inventory item and a location.
LevelKey = tuple[int, int]

#: Where a variant stands: its product's number, its position from 0.
Place = tuple[int, int]


class ShopState:
    """One shop, as far as it has come. Not safe to change from several threads.

    The mappings hold the last bodies by id; ``gone`` what was deleted, by kind ("products",
    "items", "levels", "locations", "orders").
    """

    def __init__(self, shop: SandboxShop) -> None:
        self.shop = shop
        self.revisions: dict[int, Revision] = {}  # by number; the catalogue's others are untouched
        self.items: dict[int, Payload] = {}
        self.levels: dict[LevelKey, Payload] = {}
        self.locations: dict[int, Payload] = {}
        self.orders: dict[int, bytes] = {}  # encoded: an order is 30 kB of memory otherwise
        self.gone: dict[str, set[int | LevelKey]] = {
            kind: set() for kind in ("products", "items", "levels", "locations", "orders")
        }

    # products

    def numbers(self) -> Iterator[int]:
        """Of the products that are there: the catalogue, then what was added."""
        catalogue = range(self.shop.products)
        yield from filter(self.has_product, catalogue) if self.gone["products"] else catalogue
        for number in sorted(self.revisions):
            if number >= self.shop.products and self.has_product(number):
                yield number

    def has_product(self, number: int) -> bool:
        """Whether the product is there."""
        gone = self.gone["products"]
        if gone and catalog.product_id(self.shop, number) in gone:
            return False
        return number < self.shop.products or number in self.revisions

    def revision(self, number: int) -> Revision:
        """What a product has become."""
        found = self.revisions.get(number)
        return catalog.first_revision(self.shop, number) if found is None else found

    def changed_at(self, number: int, product_id: int) -> float:
        """When a product was edited last, in unix seconds."""
        found = self.revisions.get(number)
        return untouched_at(product_id) if found is None else found.at

    def positions(self, number: int) -> tuple[int, ...]:
        """Of the product's variants."""
        found = self.revisions.get(number)
        if found is None:
            return tuple(range(catalog.variant_count(self.shop, number)))
        return self._positions_at(number, found)

    def place(self, number: int, position: int) -> Place:
        """The variant at a position, or the product's first where it has lost that one."""
        there = self.positions(number)
        return number, position if position in there else there[0]

    def product(self, number: int) -> Payload:
        """A product with all its variants; their stock is what lies there now."""
        revision = self.revision(number)
        return catalog.product_payload(
            self.shop, number, revision, lambda position: self.stock((number, position))
        )

    def revise(self, number: int, at: float, positions: tuple[int, ...] | None = None) -> Revision:
        """The product's next revision, or its first; ``positions`` where its variants change."""
        if not self.has_product(number):
            self._return(number)
        before = self.revision(number)
        is_new = number >= self.shop.products and number not in self.revisions
        made = Revision(
            before.version + 1,
            at,
            at if is_new else before.created,
            before.positions if positions is None else positions,
        )
        self.revisions[number] = made
        if not is_new and positions is not None:
            self._change_items(number, at, self._positions_at(number, before), positions)
        return made

    def remove(self, number: int) -> None:
        """Delete a product, and with it its items and their stock."""
        self.gone["products"].add(catalog.product_id(self.shop, number))
        for position in self.positions(number):
            self.gone["items"].add(catalog.inventory_item_id(self.shop, number, position))

    # stock

    def places(self) -> Iterator[Place]:
        """Of all variants that are there, each with one inventory item."""
        for number in self.numbers():
            for position in self.positions(number):
                yield number, position

    def item(self, place: Place) -> Payload:
        """The inventory item of a variant."""
        number, position = place
        item_id = catalog.inventory_item_id(self.shop, number, position)
        found = self.items.get(item_id)
        if found is not None:
            return found
        at, created = self.item_changed_at(number, item_id), self._created(number)
        return catalog.inventory_item_payload(self.shop, number, position, at, created=created)

    def item_changed_at(self, number: int, item_id: int) -> float:
        """``updated_at`` of an item of a product in unix seconds, at a tenth of the cost."""
        found = self.items.get(item_id)
        return unix_time(found["updated_at"]) if found else self._untouched_at(number, item_id)

    def level(self, place: Place, location_id: int) -> Payload | None:
        """What lies of a variant at a location; None where it is not stocked."""
        number, position = place
        item_id = catalog.inventory_item_id(self.shop, number, position)
        found = self.levels.get((item_id, location_id))
        if found is not None:
            return found
        at = self.level_changed_at(number, item_id, location_id)
        if at is None:
            return None
        lying = catalog.lying(self.shop, number, position)
        return catalog.level_payload(Level(self.shop, number, position, location_id, lying), at)

    def level_changed_at(self, number: int, item_id: int, location_id: int) -> float | None:
        """``updated_at`` of a level in unix seconds; None where the item is not stocked."""
        found = self.levels.get((item_id, location_id))
        if found is not None:
            return unix_time(found["updated_at"])
        if location_id != self.shop.locations[0] or (item_id, location_id) in self.gone["levels"]:
            return None
        return self._untouched_at(number, item_id)

    def levels_of(self, place: Place) -> list[Payload]:
        """Everywhere that a variant is stocked, by location."""
        found = (self.level(place, location_id) for location_id in self.location_ids())
        return [one for one in found if one is not None]

    def stock(self, place: Place) -> int:
        """Pieces of a variant at all locations together; quick, as whole products ask for it."""
        item_id = catalog.inventory_item_id(self.shop, *place)
        told = (self.levels.get((item_id, location_id)) for location_id in self.location_ids())
        pieces = sum(int(level["available"]) for level in told if level is not None)
        first = item_id, self.shop.locations[0]
        if first in self.levels or first in self.gone["levels"]:
            return pieces
        return pieces + catalog.lying(self.shop, *place)

    # places

    def location_ids(self) -> list[int]:
        """Of all locations, ascending."""
        return sorted({*self.shop.locations, *self.locations} - self.gone["locations"])

    def location(self, location_id: int) -> Payload | None:
        """One location, or None when there is no such."""
        if location_id in self.gone["locations"]:
            return None
        if location_id in self.locations or location_id not in self.shop.locations:
            return self.locations.get(location_id)
        return location_payload(self.shop, location_id, untouched_at(location_id))

    # orders

    def order(self, order_id: int) -> Payload | None:
        """One order, or None when there is no such."""
        body = self.orders.get(order_id)
        return None if body is None else msgspec.json.decode(body)

    def all_orders(self) -> Iterator[Payload]:
        """All orders, in the order in which they were made."""
        for body in self.orders.values():
            yield msgspec.json.decode(body)

    def _return(self, number: int) -> None:
        """A product that was deleted is there again, with its items."""
        self.gone["products"].discard(catalog.product_id(self.shop, number))
        for position in self.positions(number):
            self.gone["items"].discard(catalog.inventory_item_id(self.shop, number, position))

    def _created(self, number: int) -> float | None:
        """When the product was made; None for one of the catalogue."""
        found = self.revisions.get(number)
        return None if found is None else found.created

    def _untouched_at(self, number: int, item_id: int) -> float:
        """When an item, or its stock, last changed that no webhook has told of."""
        created = self._created(number)
        return untouched_at(item_id) if created is None else created

    def _positions_at(self, number: int, revision: Revision) -> tuple[int, ...]:
        return catalog.positions_of(self.shop, number, revision)

    def _change_items(
        self, number: int, at: float, before: tuple[int, ...], now: tuple[int, ...]
    ) -> None:
        """A variant that goes takes its item along; one that comes has an item, and no stock."""
        for position in set(before) - set(now):
            item_id = catalog.inventory_item_id(self.shop, number, position)
            self.drop_item({"id": item_id})
        for position in set(now) - set(before):
            item = catalog.inventory_item_payload(self.shop, number, position, at, created=at)
            self.put_item(item)
            level = Level(self.shop, number, position, self.shop.locations[0], 0)
            self.put_level(catalog.level_payload(level, at))

    def put_item(self, body: Payload) -> None:
        """An item is as this body says."""
        self.gone["items"].discard(body["id"])
        self.items[body["id"]] = body

    def drop_item(self, body: Payload) -> None:
        """The item of this id is gone."""
        self.gone["items"].add(body["id"])
        self.items.pop(body["id"], None)

    def put_level(self, body: Payload) -> None:
        """So much lies of an item at a location."""
        key = body["inventory_item_id"], body["location_id"]
        self.gone["levels"].discard(key)
        self.levels[key] = body

    def drop_level(self, body: Payload) -> None:
        """The item of this body is no longer stocked at its location."""
        key = body["inventory_item_id"], body["location_id"]
        self.gone["levels"].add(key)
        self.levels.pop(key, None)

    def put_location(self, body: Payload) -> None:
        """A location is as this body says."""
        self.locations[body["id"]] = body

    def drop_location(self, body: Payload) -> None:
        """The location of this id is gone."""
        self.gone["locations"].add(body["id"])

    def put_order(self, body: Payload) -> None:
        """An order is as this body says."""
        self.orders[body["id"]] = encode(body)

    def drop_order(self, body: Payload) -> None:
        """The order of this id is gone."""
        self.gone["orders"].add(body["id"])
        self.orders.pop(body["id"], None)
