"""Stories about products: edits of one and of thousands, products that come and go."""

from collections.abc import Callable
from functools import partial

from avnu.sandbox import catalog
from avnu.sandbox.catalog import Level
from avnu.sandbox.day import Day
from avnu.sandbox.encoding import Payload
from avnu.sandbox.shops import SandboxShop

#: Of the bulk edits' webhooks the first shop makes so many, the next so many of the rest …
BULK_FIRST = 0.7


def bulk_edits(day: Day, webhooks: int) -> None:
    """A large shop edits thousands of products at once, then smaller ones fewer."""
    left = webhooks
    for shop in day.shops:
        if left < 10:
            return
        left -= _bulk_edit(day, shop, min(int(left * BULK_FIRST) + 1, shop.products))


def _bulk_edit(day: Day, shop: SandboxShop, webhooks: int) -> int:
    """One edit of many products: 100 a second, some products sent twice within a minute."""
    at = day.moment(0.1, 0.9)
    twice = webhooks // 6
    for number in range(webhooks - twice):
        day.lay(at + number / 100, shop, "products/update", edited(day, shop, number))
    for number in range(twice):
        day.lay(at + 30 + number / 100, shop, "products/update", edited(day, shop, number))
    return webhooks


def edited(day: Day, shop: SandboxShop, number: int) -> Callable[[float], Payload]:
    """A writer that gives the product its next revision when the time has come."""

    def write(at: float) -> Payload:
        state = day.states[shop.domain]
        state.revise(number, at)
        return catalog.told(state.product(number))

    return write


def product_life(day: Day) -> None:
    """A product is made, with its stock, changed twice, and sometimes deleted."""
    shop, number, at = _made(day)
    for later in (40, 41):
        day.lay(at + later, shop, "products/update", edited(day, shop, number))
    if day.rng.random() < 0.3:
        _delete(day, shop, number, at + day.rng.uniform(600, 10_000))


def short_life(day: Day) -> None:
    """A product is made and deleted."""
    shop, number, at = _made(day)
    _delete(day, shop, number, at + day.rng.uniform(60, 600))


def _made(day: Day) -> tuple[SandboxShop, int, float]:
    shop, at = day.any_shop(), day.moment(0.0, 0.8)
    number = shop.products + day.next_number(f"product {shop.domain}")
    event = day.lay(at, shop, "products/create", edited(day, shop, number))
    for position in range(catalog.variant_count(shop, number)):
        item = partial(_item, shop, number, position)
        day.lay(at, shop, "inventory_items/create", item, event=event)
        # The level is told beside the item, and often arrives before it.
        level = partial(_empty_level, shop, number, position)
        day.lay(at, shop, "inventory_levels/connect", level, event=event)
    return shop, number, at


def _delete(day: Day, shop: SandboxShop, number: int, at: float) -> None:
    event = day.lay(at, shop, "products/delete", _deleted(day, shop, number))
    for position in range(catalog.variant_count(shop, number)):
        body = {"id": catalog.inventory_item_id(shop, number, position)}
        day.lay(at, shop, "inventory_items/delete", _always(body), event=event)


def other_variants(day: Day) -> None:
    """A product loses its first variant and gains two."""
    shop, at = day.any_shop(), day.moment(0.0, 0.95)
    # Not the large one, which may have as many variants as there can be.
    swap = _Swap(day, shop, day.rng.randrange(1, shop.products))
    event = day.lay(at, shop, "products/update", swap.product)
    for turn in (0, 1):
        day.lay(at, shop, "inventory_items/create", partial(swap.item, turn), event=event)
        day.lay(at, shop, "inventory_levels/connect", partial(swap.level, turn), event=event)
    day.lay(at, shop, "inventory_items/delete", swap.lost, event=event)


class _Swap:
    """What webhooks tell of a change of variants; which ones is seen when the first is written."""

    def __init__(self, day: Day, shop: SandboxShop, number: int) -> None:
        self._day = day
        self._shop = shop
        self._number = number
        self._lost = 0
        self._gained = (0, 0)

    def product(self, at: float) -> Payload:
        state = self._day.states[self._shop.domain]
        self._lost, *kept = state.positions(self._number)
        # Numbered on from the last, so that no id is ever used again.
        first = 1 + max((self._lost, *kept))
        self._gained = first, first + 1
        state.revise(self._number, at, (*kept, *self._gained))
        return catalog.told(state.product(self._number))

    def item(self, turn: int, at: float) -> Payload:
        return _item(self._shop, self._number, self._gained[turn], at)

    def level(self, turn: int, at: float) -> Payload:
        return _empty_level(self._shop, self._number, self._gained[turn], at)

    def lost(self, _at: float) -> Payload:
        return {"id": catalog.inventory_item_id(self._shop, self._number, self._lost)}


def large_product(day: Day) -> None:
    """A product with more variants than a webhook holds is edited, twice within a minute."""
    shop, at = day.shops[0], day.moment(0.0, 0.95)
    day.lay(at, shop, "products/update", edited(day, shop, 0))
    day.lay(at + day.rng.uniform(1, 50), shop, "products/update", edited(day, shop, 0))


def twice_in_a_second(day: Day) -> None:
    """A product is changed twice within one second: two bodies with the same updated_at."""
    shop, at = day.any_shop(), float(int(day.moment(0.0, 0.95)))
    write = edited(day, shop, day.rng.randrange(shop.products))
    day.lay(at + 0.2, shop, "products/update", write)
    day.lay(at + 0.7, shop, "products/update", write)


def _item(shop: SandboxShop, number: int, position: int, at: float) -> Payload:
    """A new variant's item."""
    return catalog.inventory_item_payload(shop, number, position, at, created=at)


def _empty_level(shop: SandboxShop, number: int, position: int, at: float) -> Payload:
    """Where a new item will lie."""
    return catalog.level_payload(Level(shop, number, position, shop.locations[0], 0), at)


def _always(body: Payload) -> Callable[[float], Payload]:
    return lambda _at: body


def _deleted(day: Day, shop: SandboxShop, number: int) -> Callable[[float], Payload]:
    """A writer that takes the product away when the time has come."""

    def write(_at: float) -> Payload:
        day.states[shop.domain].remove(number)
        return {"id": catalog.product_id(shop, number)}

    return write
