"""What one shop has: its catalogue as the day left it, its places, stock and subscriptions.

Nothing is stored that can be made: a product is made from its number, its version and the time of
that version (``avnu/sandbox/catalog.py``); kept are only the indexes from ids to numbers.
"""

import functools
import threading
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from avnu.sandbox import catalog
from avnu.sandbox.admin.once import Once
from avnu.sandbox.admin.stock import Stock
from avnu.sandbox.admin.subscriptions import Subscriptions
from avnu.sandbox.encoding import Payload
from avnu.sandbox.shops import SandboxShop

#: Products of a shop that are kept once they are made, 7 kB each: variants ask for them in a row.
MOST_PAYLOADS = 200

#: Where a variant stands: its product's number, its position from 0.
Place = tuple[int, int]


class ShopWorld:
    """One shop. Safe to use from several threads.

    ``start`` (unix seconds) is the time of every product that has not been edited; ``touched``
    says for the others the last version and its time.
    """

    def __init__(
        self,
        shop: SandboxShop,
        start: float,
        touched: Mapping[int, tuple[int, float]],
        deleted: Iterable[int],
    ) -> None:
        self.shop = shop
        self.start = start
        self.stock = Stock()
        self.subscriptions = Subscriptions(shop)
        self.once = Once()
        self._touched = dict(touched)
        self._deleted = set(deleted)
        self._lock = threading.RLock()
        make = functools.partial(catalog.product_payload, shop)
        self._payload = functools.lru_cache(maxsize=MOST_PAYLOADS)(make)
        self._products: dict[int, int] | None = None  # number by id
        self._ids: list[int] = []  # of products that are there, ascending
        self._variants: dict[int, Place] | None = None
        self._items: dict[int, Place] | None = None

    def product_ids(self) -> Sequence[int]:
        """The ids of all its products, ascending, as the API lists them."""
        self._numbers()
        return self._ids

    def numbers(self) -> list[int]:
        """The numbers of all its products, in the order of ``product_ids``."""
        numbers = self._numbers()
        return [numbers[product_id] for product_id in self._ids]

    def product_number(self, product_id: int) -> int | None:
        """The number of a product, or None when there is no such."""
        return self._numbers().get(product_id)

    def variant_place(self, variant_id: int) -> Place | None:
        """Where a variant stands, or None when there is no such."""
        with self._lock:
            if self._variants is None:
                self._variants = self._places(catalog.variant_id)
            return self._there(self._variants.get(variant_id))

    def item_place(self, item_id: int) -> Place | None:
        """Where the variant of an inventory item stands, or None when there is no such."""
        with self._lock:
            if self._items is None:
                self._items = self._places(catalog.inventory_item_id)
            return self._there(self._items.get(item_id))

    def version(self, number: int) -> tuple[int, float]:
        """The version of a product, and its time in unix seconds."""
        return self._touched.get(number, (0, self.start))

    def product(self, number: int) -> Payload:
        """A product as its last webhook showed it: ``catalog.product_payload`` of its version.

        One object for all who ask, so nobody may change it.
        """
        return self._payload(number, *self.version(number))

    def quantity(self, item_id: int, location_id: int) -> int:
        """Pieces of an item at a location: the catalogue's lie at the shop's first location."""
        place = self.item_place(item_id)
        if place is None:
            return 0
        number, position = place
        lies_here = location_id == self.shop.locations[0]
        variant = self.product(number)["variants"][position]
        lying = int(variant["inventory_quantity"]) if lies_here else 0
        return lying + self.stock.change(item_id, location_id)

    def edit(self, number: int, at: float) -> Payload:
        """Give a product its next version, or make it; returns the body of its webhook."""
        with self._lock:
            numbers = self._numbers()
            self._deleted.discard(number)
            self._touched[number] = (self.version(number)[0] + 1, at)
            product_id = catalog.product_id(self.shop, number)
            if product_id not in numbers:
                numbers[product_id] = number
                insort(self._ids, product_id)
                self._variants = self._items = None
            return self.product(number)

    def delete(self, number: int) -> None:
        """Take a product away; nothing happens when it is not there."""
        with self._lock:
            product_id = catalog.product_id(self.shop, number)
            if self._numbers().pop(product_id, None) is not None:
                del self._ids[bisect_left(self._ids, product_id)]
            self._deleted.add(number)

    def _all_numbers(self) -> Iterator[int]:
        """Of the products that are there: the catalogue, then what the day has added."""
        added = sorted(number for number in self._touched if number >= self.shop.products)
        for number in (*range(self.shop.products), *added):
            if number not in self._deleted:
                yield number

    def _numbers(self) -> dict[int, int]:
        """By id; made when first needed, which takes 50 ms for 40,000 products."""
        with self._lock:
            if self._products is None:
                self._products = {
                    catalog.product_id(self.shop, number): number for number in self._all_numbers()
                }
                self._ids = sorted(self._products)
            return self._products

    def _places(self, id_of: Callable[[SandboxShop, int, int], int]) -> dict[int, Place]:
        """Of all variants, by an id of theirs: 0.3 s for 40,000 products."""
        return {
            id_of(self.shop, number, position): (number, position)
            for number in self._all_numbers()
            for position in range(catalog.variant_count(self.shop, number))
        }

    def _there(self, place: Place | None) -> Place | None:
        return None if place is None or place[0] in self._deleted else place
