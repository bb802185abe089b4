"""What happens in shops on a day. To add a story: write a function, give it a row in STORIES."""

from collections.abc import Callable
from functools import partial

from avnu.sandbox import catalog, extras, followups, orders
from avnu.sandbox.catalog import Level
from avnu.sandbox.day import DAY_S, Day
from avnu.sandbox.encoding import Payload
from avnu.sandbox.orders import Order
from avnu.sandbox.shops import SandboxShop, location_payload, shop_payload

#: Half of a day's webhooks come from bulk edits, most of those from one.
BULK_SHARE = 0.5
BULK_FIRST = 0.7


def fill(day: Day, count: int) -> None:
    """Lay at least ``count`` webhooks: one of each rare story, the bulk edits, then daily life."""
    for rare in RARE:
        rare(day)
    bulk_edits(day, int(count * BULK_SHARE))
    stories, weights = zip(*STORIES, strict=True)
    while len(day.steps) < count:
        day.rng.choices(stories, weights)[0](day)


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
        day.lay(at + number / 100, shop, "products/update", _edited(day, shop, number))
    for number in range(twice):
        day.lay(at + 30 + number / 100, shop, "products/update", _edited(day, shop, number))
    return webhooks


def _edited(day: Day, shop: SandboxShop, number: int) -> Callable[[float], Payload]:
    """A writer that gives the product its next version when the time has come."""

    def write(at: float) -> Payload:
        day.versions[shop.domain, number] += 1
        version = day.versions[shop.domain, number]
        day.touched[shop.domain, number] = (version, at)
        return catalog.product_payload(shop, number, version, at)

    return write


def _deleted(day: Day, shop: SandboxShop, number: int) -> Callable[[float], Payload]:
    """A writer that takes the product away when the time has come."""

    def write(_at: float) -> Payload:
        day.deleted.add((shop.domain, number))
        return {"id": catalog.product_id(shop, number)}

    return write


def order_life(day: Day) -> None:
    """Created and paid; then fulfilled, perhaps edited before or refunded after, or cancelled."""
    shop, at = day.any_shop(), day.moment(0.0, 0.95)
    number = 1000 + day.next_number(f"order {shop.domain}")
    order = orders.new_order(day.rng, shop, number, at)
    event = _tell(day, order, at, "orders/create")
    _move_stock(day, order, at + 0.2, event)
    paid_at = at + day.rng.uniform(1, 120)
    event = _tell(day, order, paid_at, "orders/paid", financial_status="paid")
    _tell(day, order, paid_at, "orders/updated", event=event)
    ending = day.rng.random()
    if ending < 0.08:
        _cancel(day, order, paid_at + day.rng.uniform(60, 7200))
    elif ending < 0.9:
        _fulfil(day, order, paid_at + day.rng.uniform(600, 20_000), refunded=ending > 0.8)


def _cancel(day: Day, order: Order, at: float) -> None:
    event = _tell(day, order, at, "orders/cancelled", financial_status="refunded", cancelled=at)
    _tell(day, order, at, "orders/updated", event=event)
    _move_stock(day, order, at + 0.2, event)


def _fulfil(day: Day, order: Order, at: float, refunded: bool) -> None:
    if len(order.lines) > 2:
        day.lay(at - 300, order.shop, "orders/edited", partial(followups.edit_payload, order))
    write = partial(followups.fulfillment_payload, order)
    event = day.lay(at, order.shop, "fulfillments/create", write)
    _tell(day, order, at, "orders/fulfilled", event=event, fulfillment_status="fulfilled")
    _tell(day, order, at, "orders/updated", event=event)
    if refunded:
        later = at + day.rng.uniform(600, 20_000)
        event = day.lay(
            later, order.shop, "refunds/create", partial(followups.refund_payload, order)
        )
        status = "partially_refunded"
        _tell(day, order, later, "orders/updated", event=event, financial_status=status)


def _tell(
    day: Day, order: Order, at: float, topic: str, event: int | None = None, **changes: object
) -> int:
    """Lay one orders/* webhook; the order takes the ``changes`` when it is written."""

    def write(at: float) -> Payload:
        for name, value in changes.items():
            setattr(order, name, value)
        return orders.order_payload(order, at)

    return day.lay(at, order.shop, topic, write, event=event)


def _move_stock(day: Day, order: Order, at: float, event: int) -> None:
    """One inventory_levels/update for each line, of the same action as the order's webhook."""
    for line in order.lines:
        level = _new_level(day, order.shop, line.product, line.position)
        write = partial(catalog.level_payload, level)
        day.lay(at, order.shop, "inventory_levels/update", write, event=event)


def _new_level(day: Day, shop: SandboxShop, product: int, position: int) -> Level:
    """Another number of pieces, at one of the shop's locations."""
    location = day.rng.choice(shop.locations)
    return Level(shop, product, position, location, day.rng.randrange(200))


def stock_count(day: Day) -> None:
    """Somebody counts a shelf: one level after the other."""
    shop, at = day.any_shop(), day.moment()
    first = day.rng.randrange(shop.products)
    for offset in range(day.rng.randint(2, 15)):
        level = _new_level(day, shop, (first + offset) % shop.products, 0)
        write = partial(catalog.level_payload, level)
        day.lay(at + 3 * offset, shop, "inventory_levels/update", write)


def product_life(day: Day) -> None:
    """A product is made, with its stock, changed twice, and sometimes deleted."""
    shop, at = day.any_shop(), day.moment(0.0, 0.8)
    number = shop.products + day.next_number(f"product {shop.domain}")
    write = _edited(day, shop, number)
    event = day.lay(at, shop, "products/create", write)
    item = partial(catalog.inventory_item_payload, shop, number, 0)
    day.lay(at, shop, "inventory_items/create", item, event=event)
    # The level is told beside the item, and often arrives before it.
    level = partial(catalog.level_payload, Level(shop, number, 0, shop.locations[0], 0))
    day.lay(at, shop, "inventory_levels/connect", level, event=event)
    day.lay(at + 40, shop, "products/update", write)
    day.lay(at + 41, shop, "products/update", write)
    if day.rng.random() < 0.3:
        gone = at + day.rng.uniform(600, 10_000)
        item_id = {"id": catalog.inventory_item_id(shop, number, 0)}
        event = day.lay(gone, shop, "products/delete", _deleted(day, shop, number))
        day.lay(gone, shop, "inventory_items/delete", lambda _at: item_id, event=event)


def unfollowed(day: Day) -> None:
    """Things that Avnu does not follow."""
    shop, topic = day.any_shop(), day.rng.choice(extras.UNROUTED)
    number = day.next_number(topic)
    day.lay(day.moment(), shop, topic, partial(extras.unrouted_payload, topic, shop, number))


def shop_settings(day: Day) -> None:
    """The merchant changes the shop's settings, or a location."""
    shop = day.any_shop()
    day.lay(day.moment(), shop, "shop/update", partial(shop_payload, shop))
    location = day.rng.choice(shop.locations)
    write = partial(location_payload, shop, location)
    day.lay(day.moment(), shop, "locations/update", write)


def uninstall_and_return(day: Day) -> None:
    """A shop removes the app in the morning and installs it again in the afternoon."""
    shop = day.shops[-1]
    gone, back = day.moment(0.2, 0.3), day.moment(0.5, 0.6)
    day.lay(gone, shop, "app/uninstalled", partial(shop_payload, shop), always=True)
    day.lay(back, shop, "app/scopes_update", partial(extras.scopes_payload, shop), always=True)
    day.leave(shop, gone, back)


def uninstall_for_good(day: Day) -> None:
    """A shop removes the app; of one that went two days ago the data must go today."""
    if len(day.shops) < 4:
        return
    leaves, left = day.shops[-2], day.shops[-3]
    gone, redact = day.moment(0.6, 0.8), day.moment()
    day.lay(gone, leaves, "app/uninstalled", partial(shop_payload, leaves), always=True)
    day.leave(leaves, gone, day.start + 2 * DAY_S)
    redaction = extras.shop_redact_payload(left)
    day.lay(redact, left, "shop/redact", lambda _at: redaction, always=True)
    day.leave(left, 0.0, day.start + 2 * DAY_S)


def privacy(day: Day) -> None:
    """A customer asks what is stored; another's data must go."""
    shop = day.any_shop()
    asks = extras.data_request_payload(shop, day.next_number("customer"))
    goes = extras.customer_redact_payload(shop, day.next_number("customer"))
    day.lay(day.moment(), shop, "customers/data_request", lambda _at: asks, always=True)
    day.lay(day.moment(), shop, "customers/redact", lambda _at: goes, always=True)


def new_scopes(day: Day) -> None:
    """A merchant grants the app more."""
    shop = day.any_shop()
    day.lay(day.moment(), shop, "app/scopes_update", partial(extras.scopes_payload, shop))


#: At least once a day each, however short the day: a few webhooks.
RARE: tuple[Callable[[Day], None], ...] = (
    uninstall_and_return,
    uninstall_for_good,
    privacy,
    new_scopes,
    shop_settings,
    unfollowed,
)

#: Daily life, with how often each is drawn.
STORIES: tuple[tuple[Callable[[Day], None], float], ...] = (
    (order_life, 50),
    (stock_count, 10),
    (product_life, 8),
    (unfollowed, 30),
    (shop_settings, 1),
    (privacy, 1),
    (new_scopes, 1),
)
