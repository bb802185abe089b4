"""Stories about stock: what is counted, moved, priced, and where it lies."""

from collections.abc import Callable

from avnu.sandbox import catalog
from avnu.sandbox.catalog import Level
from avnu.sandbox.day import Day
from avnu.sandbox.encoding import Payload, local_time, money, steady_id
from avnu.sandbox.shops import SandboxShop, location_payload
from avnu.sandbox.state import Place


def stock_count(day: Day) -> None:
    """Somebody counts a shelf: one level after the other."""
    shop, at = day.any_shop(), day.moment()
    first = day.rng.randrange(shop.products)
    for offset in range(day.rng.randint(2, 15)):
        counted(day, shop, ((first + offset) % shop.products, 0), at + 3 * offset)


def counted(day: Day, shop: SandboxShop, place: Place, at: float, event: int | None = None) -> None:
    """Another number of pieces of a variant, at one of the shop's locations."""
    location, available = day.rng.choice(shop.locations), day.rng.randrange(200)
    write = _level(day, shop, place, location, available)
    day.lay(at, shop, "inventory_levels/update", write, event=event)


def restocked_elsewhere(day: Day) -> None:
    """An item is no longer stocked at a location; sometimes it is again, an hour later."""
    shop, at = day.any_shop(), day.moment(0.0, 0.9)
    place = day.rng.randrange(shop.products), 0
    location = shop.locations[0]

    def write(_at: float) -> Payload:
        item_id = catalog.inventory_item_id(shop, *day.states[shop.domain].place(*place))
        return {"inventory_item_id": item_id, "location_id": location}

    day.lay(at, shop, "inventory_levels/disconnect", write)
    if day.rng.random() < 0.6:
        again = _level(day, shop, place, location, 12)
        day.lay(at + 3600, shop, "inventory_levels/connect", again)


def another_cost(day: Day) -> None:
    """What an item costs the merchant changes."""
    shop, at = day.any_shop(), day.moment()
    number = day.rng.randrange(shop.products)
    cents = catalog.price_cents(shop, number, 0) // 2 + day.rng.randrange(1, 400)

    def write(at: float) -> Payload:
        state = day.states[shop.domain]
        updated_at = local_time(at, shop.offset_minutes)
        item = state.item(state.place(number, 0))
        return {**item, "cost": money(cents), "updated_at": updated_at}

    day.lay(at, shop, "inventory_items/update", write)


def _level(
    day: Day, shop: SandboxShop, place: Place, location: int, available: int
) -> Callable[[float], Payload]:
    """A writer of how much lies of a variant at a location."""

    def write(at: float) -> Payload:
        there = day.states[shop.domain].place(*place)
        return catalog.level_payload(Level(shop, *there, location, available), at)

    return write


def place_opened_and_closed(day: Day) -> None:
    """A location is added, an item is stocked there, and later it is deactivated."""
    shop, at = day.any_shop(), day.moment(0.0, 0.7)
    if not day.has_app(shop, at):
        return
    number = len(shop.locations) + day.next_number(f"location {shop.domain}")
    location_id = steady_id(shop.domain, "location", number)

    def opened(at: float) -> Payload:
        return location_payload(shop, location_id, at, created=at)

    def closed(later: float) -> Payload:
        return location_payload(shop, location_id, later, active=False, created=at)

    day.lay(at, shop, "locations/create", opened)
    write = _level(day, shop, (day.rng.randrange(shop.products), 0), location_id, 30)
    day.lay(at + 60, shop, "inventory_levels/connect", write)
    day.lay(at + day.rng.uniform(600, 20_000), shop, "locations/deactivate", closed)
