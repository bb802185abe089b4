"""One shop as the Admin API finds it: by id, and in lists. What it has is ``state``.

Nothing is stored that can be made; kept are only the indexes from ids to what they name, and
those are made when they are first needed.
"""

import functools
import threading
from collections.abc import Callable, Sequence

from avnu.sandbox import catalog
from avnu.sandbox.admin.listing import Listing, Row
from avnu.sandbox.admin.once import Once
from avnu.sandbox.admin.subscriptions import Subscriptions
from avnu.sandbox.catalog import Revision
from avnu.sandbox.encoding import Payload, local_time, unix_time
from avnu.sandbox.remembering import remember
from avnu.sandbox.shops import SandboxShop
from avnu.sandbox.state import Place, ShopState
from avnu.sandbox.truth import Truth

#: Products of a shop that are kept once they are made, 7 kB each: variants ask for them in a row.
MOST_PAYLOADS = 200


class ShopWorld:
    """One shop. Safe to use from several threads; hold ``lock`` from reading to changing.

    ``start`` (unix seconds) is when the played day begins.
    """

    def __init__(self, state: ShopState, start: float) -> None:
        self.state = state
        self.shop = state.shop
        self.start = start
        self.subscriptions = Subscriptions(self.shop)
        self.once = Once()
        self.lock = threading.RLock()
        self._product = functools.lru_cache(maxsize=MOST_PAYLOADS)(state.product)
        self._numbers: dict[int, int] | None = None  # by the product's id
        self._variants: dict[int, Place] | None = None
        self._items: dict[int, Place] | None = None
        self._listings: dict[str | int, Listing] = {}

    def truth(self, since: float | None = None) -> Truth:
        """Everything that the shop has, or what changed at or after ``since`` (unix seconds)."""
        return Truth(self.state, since)

    # products

    def product_ids(self) -> Sequence[int]:
        """The ids of all its products, ascending, as the API lists them."""
        return self.products().ids

    def numbers(self) -> list[int]:
        """The numbers of all its products, in the order of ``product_ids``."""
        with self.lock:
            known = self._known_numbers()
            return [known[product_id] for product_id in self.product_ids()]

    def product_number(self, product_id: int) -> int | None:
        """The number of a product, or None when there is no such."""
        with self.lock:
            return self._known_numbers().get(product_id)

    def variant_place(self, variant_id: int) -> Place | None:
        """Where a variant stands, or None when there is no such."""
        with self.lock:
            if self._variants is None:
                self._variants = self._places(catalog.variant_id)
            return self._variants.get(variant_id)

    def item_place(self, item_id: int) -> Place | None:
        """Where the variant of an inventory item stands, or None when there is no such."""
        with self.lock:
            return self._known_items().get(item_id)

    def revision(self, number: int) -> Revision:
        """What a product has become."""
        return self.state.revision(number)

    def product(self, number: int) -> Payload:
        """A product with all its variants, as its last webhook showed it; its stock is today's.

        One object for all who ask, so nobody may change it.
        """
        return self._product(number)

    def quantity(self, item_id: int, location_id: int) -> int:
        """Pieces of an item at a location."""
        place = self.item_place(item_id)
        level = None if place is None else self.state.level(place, location_id)
        return 0 if level is None else int(level["available"])

    # lists

    def products(self) -> Listing:
        """All products."""
        return self._listing("products", lambda: [
            Row(int(self.state.changed_at(number, product_id)), product_id)
            for product_id, number in self._known_numbers().items()
        ])  # fmt: skip

    def items(self) -> Listing:
        """All inventory items."""
        return self._listing("items", lambda: [
            Row(int(self.state.item_changed_at(place[0], item_id)), item_id)
            for item_id, place in self._known_items().items()
        ])  # fmt: skip

    def orders(self) -> Listing:
        """All orders."""
        return self._listing("orders", lambda: [
            Row(unix_time(order["updated_at"]), order["id"]) for order in self.state.all_orders()
        ])  # fmt: skip

    def levels(self, location_id: int) -> Listing:
        """All that lies at a location; the ids are those of the items."""
        return self._listing(location_id, lambda: [
            Row(int(at), item_id)
            for item_id, place in self._known_items().items()
            if (at := self.state.level_changed_at(place[0], item_id, location_id)) is not None
        ])  # fmt: skip

    # changes

    def edit(self, number: int, at: float, positions: tuple[int, ...] | None = None) -> Payload:
        """Give a product its next version, or make it; returns the body of its webhook.

        ``positions``: those of its variants, where they change.
        """
        with self.lock:
            others = positions is not None or not self.state.has_product(number)
            self.state.revise(number, at, positions)
            self._forget(ids=others)
            return catalog.told(self.product(number))

    def delete(self, number: int) -> None:
        """Take a product away; nothing happens when it is not there."""
        with self.lock:
            if self.state.has_product(number):
                self.state.remove(number)
                self._forget(ids=True)

    def remember(self, topic: str, body: Payload) -> None:
        """Something happens that a webhook of ``topic`` would tell, but for products/*."""
        with self.lock:
            remember(self.state, topic, body)
            self._forget()

    def adjust(self, item_id: int, location_id: int, delta: int, at: float) -> None:
        """Add pieces, which may be negative, to an item that is there."""
        with self.lock:
            place = self.item_place(item_id)
            assert place is not None
            level = self.state.level(place, location_id)
            if level is None:
                made = catalog.Level(self.shop, *place, location_id, delta)
                self.remember("inventory_levels/connect", catalog.level_payload(made, at))
                return
            # A clock behind that of the played day must not turn it back.
            at = max(at, unix_time(level["updated_at"]))
            changed = {
                "available": level["available"] + delta,
                "updated_at": local_time(at, self.shop.offset_minutes),
            }
            self.remember("inventory_levels/update", {**level, **changed})

    def _forget(self, *, ids: bool = False) -> None:
        """What was made from the state before it changed; ``ids`` where others are there now."""
        self._product.cache_clear()
        self._listings.clear()
        if ids:
            self._numbers = self._variants = self._items = None

    def _listing(self, name: str | int, rows: Callable[[], list[Row]]) -> Listing:
        with self.lock:
            if name not in self._listings:
                self._listings[name] = Listing(rows())
            return self._listings[name]

    def _known_numbers(self) -> dict[int, int]:
        """By id; made when first needed, which takes 50 ms for 40,000 products."""
        if self._numbers is None:
            self._numbers = {
                catalog.product_id(self.shop, number): number for number in self.state.numbers()
            }
        return self._numbers

    def _known_items(self) -> dict[int, Place]:
        if self._items is None:
            self._items = self._places(catalog.inventory_item_id)
        return self._items

    def _places(self, id_of: Callable[[SandboxShop, int, int], int]) -> dict[int, Place]:
        """Of all variants, by an id of theirs: 0.3 s for 40,000 products."""
        return {
            id_of(self.shop, number, position): (number, position)
            for number in self._known_numbers().values()
            for position in self.state.positions(number)
        }
