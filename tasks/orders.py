"""Orders, their refunds and their fulfillments: each a version of its own, whichever comes first.

The payloads are whole, but for that of an edit, so that most of them need no call.
"""

from collections.abc import Sequence

from avnu.errors import Unreadable
from avnu.following import Followed, Told, changed, deleted
from avnu.handlers import Area, Shop, Webhook
from avnu.shopify.payloads.orders import Fulfillment, Order, OrderDeleted, OrderEdited, Refund
from avnu.store.market import order_rows
from avnu.store.market.changes import ResourceKind

area = Area("orders")

ORDERS: Followed[int] = Followed(
    name="orders",
    kind=ResourceKind.ORDER,
    put=lambda market, shop, versions: market.put_orders(shop, versions),
    read=lambda reads, ids: reads.orders_by_part(ids),
    delete=lambda market, shop, ids, at: market.delete_orders(shop, ids, at),
    hidden=True,  # those of more than 60 days, from an app without the scope read_all_orders
)


@area.handler
def order_changed(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """orders/create, updated, paid, cancelled, fulfilled, partially_fulfilled: a whole order."""
    changed(shop, ORDERS, [_order(webhook) for webhook in webhooks])


@area.handler
def order_edited(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """orders/edited: says which order was edited, not what it is now."""
    told = [Told(one, one.decode(OrderEdited).order_edit.order_id) for one in webhooks]
    changed(shop, ORDERS, told)


@area.handler
def order_deleted(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """orders/delete: the id of an order that is gone."""
    deleted(shop, ORDERS, [Told(one, one.decode(OrderDeleted).id) for one in webhooks])


@area.handler
def refund_created(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """refunds/create: one refund of an order; in doubt the order is read."""
    told = [_refund(webhook) for webhook in webhooks]
    changed(shop, ORDERS, told, put=lambda market, shop, some: market.put_refunds(shop, some))


@area.handler
def fulfillment_changed(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """fulfillments/create and update: one whole shipment of an order; in doubt that is read."""
    told = [_fulfillment(webhook) for webhook in webhooks]
    changed(shop, ORDERS, told, put=lambda market, shop, some: market.put_fulfillments(shop, some))


def _order(webhook: Webhook) -> Told[int]:
    payload = webhook.decode(Order)
    return Told(webhook, payload.id, webhook.understand(lambda: order_rows.order(payload)))


def _refund(webhook: Webhook) -> Told[int]:
    payload = webhook.decode(Refund)
    order_id = webhook.understand(lambda: _named(payload.order_id))
    return Told(webhook, order_id, webhook.understand(lambda: order_rows.refund(payload)))


def _fulfillment(webhook: Webhook) -> Told[int]:
    payload = webhook.decode(Fulfillment)
    order_id = webhook.understand(lambda: _named(payload.order_id))
    return Told(webhook, order_id, webhook.understand(lambda: order_rows.fulfillment(payload)))


def _named(order_id: int | None) -> int:
    """Without it nothing can be read: Shopify is asked by order."""
    if order_id is None:
        raise Unreadable("it does not name its order")
    return order_id
