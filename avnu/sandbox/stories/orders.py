"""Stories about orders: their lives, and what follows them."""

from collections.abc import Callable
from functools import partial

from avnu.sandbox import followups, orders
from avnu.sandbox.day import Day
from avnu.sandbox.encoding import Payload
from avnu.sandbox.orders import Order
from avnu.sandbox.stories.stock import counted


def order_life(day: Day) -> None:
    """Created and paid; then fulfilled, perhaps edited before or refunded after, or cancelled."""
    order, paid_at = _bought(day, day.rng.uniform(1, 120))
    ending = day.rng.random()
    if ending < 0.08:
        _cancel(day, order, paid_at + day.rng.uniform(60, 7200))
    elif ending < 0.9:
        _fulfill(day, order, paid_at + day.rng.uniform(600, 20_000), refunded=ending > 0.8)


def paid_at_once(day: Day) -> None:
    """Created and paid within one second: two bodies with the same updated_at."""
    _bought(day, 0.5)


def deleted(day: Day) -> None:
    """An order is cancelled and then deleted."""
    order, paid_at = _bought(day, day.rng.uniform(1, 120))
    cancelled = paid_at + day.rng.uniform(60, 7200)
    _cancel(day, order, cancelled)
    gone = {"id": order.id}
    day.lay(cancelled + day.rng.uniform(60, 7200), order.shop, "orders/delete", lambda _at: gone)


def _bought(day: Day, paid_after_s: float) -> tuple[Order, float]:
    """A new order and its payment; returns when it was paid."""
    shop, at = day.any_shop(), float(int(day.moment(0.0, 0.95)))
    number = 1000 + day.next_number(f"order {shop.domain}")
    order = orders.new_order(day.rng, shop, number, at)
    event = _tell(day, order, at, "orders/create")
    _move_stock(day, order, at + 0.2, event)
    paid_at = at + paid_after_s
    event = _tell(day, order, paid_at, "orders/paid", financial_status="paid")
    _tell(day, order, paid_at, "orders/updated", event=event)
    return order, paid_at


def _cancel(day: Day, order: Order, at: float) -> None:
    """Everything is given back, and nothing was sent yet."""
    give_back = partial(followups.give_back, order, lines=order.lines, shipping=True)
    event = day.lay(at, order.shop, "refunds/create", _written(give_back))
    _tell(day, order, at, "orders/cancelled", event=event, cancelled=at)
    _tell(day, order, at, "orders/updated", event=event)
    _move_stock(day, order, at + 0.2, event)


def _fulfill(day: Day, order: Order, at: float, refunded: bool) -> None:
    """Sent in one parcel or in two; an order of three lines is edited before."""
    if len(order.lines) > 2:
        event = day.lay(at - 300, order.shop, "orders/edited", partial(followups.add_piece, order))
        _tell(day, order, at - 300, "orders/updated", event=event)
    if len(order.lines) > 1 and day.rng.random() < 0.3:
        _send(day, order, at - 200, 1, "orders/partially_fulfilled")
    _send(day, order, at, len(order.lines), "orders/fulfilled")
    later = at + day.rng.uniform(600, 20_000)
    if refunded:
        give_back = partial(followups.give_back, order, lines=order.lines[:1])
        event = day.lay(later, order.shop, "refunds/create", _written(give_back))
        _tell(day, order, later, "orders/updated", event=event)
    elif day.rng.random() < 0.2 and day.has_app(order.shop, at):
        arrive = partial(followups.deliver, order)
        event = day.lay(later, order.shop, "fulfillments/update", arrive)
        _tell(day, order, later, "orders/updated", event=event)


def _send(day: Day, order: Order, at: float, lines: int, topic: str) -> None:
    send = partial(followups.fulfill, order, lines=order.lines[:lines])
    event = day.lay(at, order.shop, "fulfillments/create", _written(send))
    _tell(day, order, at, topic, event=event)
    _tell(day, order, at, "orders/updated", event=event)


def _written(act: Callable[..., Payload]) -> Callable[[float], Payload]:
    """A writer of what takes its time by name."""
    return lambda at: act(at=at)


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
        counted(day, order.shop, (line.product, line.position), at, event)
