"""The three privacy topics that every app of the App Store must follow within 30 days.

The handlers read their payloads into typed structs, so that a body which is not what its topic
promises is rejected; exporting and erasing is not part of this version, which makes no copy of
customers' data.
"""

from collections.abc import Sequence

from avnu.handlers import Area, Shop, Webhook
from avnu.shopify.payloads.compliance import CustomerRedact, DataRequest, ShopRedact

area = Area("compliance")


@area.handler
def data_requested(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """customers/data_request: a customer asks what is kept about them."""
    for webhook in webhooks:
        webhook.decode(DataRequest)


@area.handler
def customer_redacted(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """customers/redact: forget a customer and the orders named."""
    for webhook in webhooks:
        webhook.decode(CustomerRedact)


@area.handler
def shop_redacted(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """shop/redact: forget a shop, 48 hours after it uninstalled the app."""
    for webhook in webhooks:
        webhook.decode(ShopRedact)
