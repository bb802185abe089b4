"""Orders, their refunds and their fulfillments.

The products that orders name are looked up: from the cache, and all that are missing there with one
query for the whole batch. Writing the marketplace's own copy is not part of this version.
"""

from collections.abc import Sequence

from avnu.cache import kinds
from avnu.handlers import Area, Shop, Webhook
from avnu.shopify.payloads.orders import Fulfillment, Order, OrderDeleted, OrderEdited, Refund

area = Area("orders")


@area.handler
def order_changed(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """orders/create, updated, paid, cancelled, fulfilled, partially_fulfilled: a whole order."""
    orders = [webhook.decode(Order) for webhook in webhooks]
    lines = [line for order in orders for line in order.line_items or ()]
    named = {line.product_id: None for line in lines if line.product_id is not None}
    shop.cached_many(kinds.PRODUCT, named)


@area.handler
def order_edited(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """orders/edited: says which order was edited, not what it is now."""
    for webhook in webhooks:
        webhook.decode(OrderEdited)


@area.handler
def order_deleted(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """orders/delete: the id of an order that is gone."""
    for webhook in webhooks:
        webhook.decode(OrderDeleted)


@area.handler
def refund_created(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """refunds/create: one refund of an order."""
    for webhook in webhooks:
        webhook.decode(Refund)


@area.handler
def fulfillment_changed(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """fulfillments/create and update: one whole shipment of an order."""
    for webhook in webhooks:
        webhook.decode(Fulfillment)
