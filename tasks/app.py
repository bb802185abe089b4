"""The life of the app in a shop: uninstalled, granted other scopes, the shop itself changed.

What is cached of a shop that has changed is outdated. Putting away a shop's tokens and work is not
part of this version.
"""

from collections.abc import Sequence

from avnu.cache import kinds
from avnu.handlers import Area, Shop, Webhook
from avnu.shopify.payloads import app as payloads

area = Area("app")


@area.handler
def app_uninstalled(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """app/uninstalled: the merchant removed the app; the body is the shop as it was then."""
    for webhook in webhooks:
        webhook.decode(payloads.Shop)


@area.handler
def scopes_updated(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """app/scopes_update: the access scopes granted before and now; a missing one may be there."""
    for webhook in webhooks:
        webhook.decode(payloads.ScopesUpdate)
    shop.go_on("forbidden")


@area.handler
def shop_changed(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """shop/update: domain, plan, currency or another property of the shop."""
    for webhook in webhooks:
        webhook.decode(payloads.Shop)
    # No call here: it would hold up an uninstall behind it, whose token is dead already.
    shop.forget(kinds.SHOP)
