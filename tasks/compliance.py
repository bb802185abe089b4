"""The three privacy topics that every app of the App Store must follow within 30 days.

Each request is noted in the ledger first, with its deadline, also one whose body cannot be read;
then it is carried out, and the ledger keeps the evidence (``avnu/compliance/``).
"""

from collections.abc import Sequence

from avnu.compliance.ledger import Request
from avnu.errors import ShopNotFound, ShopUnauthorised, TokenRejected, UnknownShop
from avnu.handlers import Area, Shop, Webhook
from avnu.shopify import queries
from avnu.shopify.payloads.compliance import CustomerRedact, DataRequest, ShopRedact

area = Area("compliance")

# What Shopify answers for a shop that does not have the app.
_NOT_THERE = (ShopNotFound, ShopUnauthorised, TokenRejected, UnknownShop)


@area.handler
def data_requested(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """customers/data_request: a customer asks what is kept about them: a file for the merchant."""
    for webhook in webhooks:
        request = _note(shop, webhook)
        shop.compliance.data_requested(request, webhook.decode(DataRequest))


@area.handler
def customer_redacted(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """customers/redact: forget a customer, everywhere, and the orders named as theirs."""
    for webhook in webhooks:
        request = _note(shop, webhook)
        shop.compliance.customer_redacted(request, webhook.decode(CustomerRedact))


@area.handler
def shop_redacted(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """shop/redact: forget a shop, 48 hours after it uninstalled the app, unless it has it again."""
    for webhook in webhooks:
        request = _note(shop, webhook)
        webhook.decode(ShopRedact)
        shop.compliance.shop_redacted(request, lambda: _has_app(shop))


def _note(shop: Shop, webhook: Webhook) -> Request:
    return shop.compliance.note(shop.domain, webhook.id, webhook.topic, webhook.accepted_ms)


def _has_app(shop: Shop) -> bool:
    """One call, as headers are not signed, and a merchant may be back by now."""
    try:
        shop.admin.query(queries.SHOP)
    except _NOT_THERE:
        return False
    return True
