"""The life of the app in a shop: uninstalled, granted other scopes, the shop itself changed.

What is cached of a shop that has changed is outdated. Nothing here calls Shopify but what confirms
an uninstall, and that waits alone, so that no webhook of this area holds up another.
"""

import logging
from collections.abc import Sequence
from datetime import datetime

from avnu.cache import kinds
from avnu.errors import (
    Park,
    ShopForbidden,
    ShopUnauthorised,
    TokenRejected,
    UnknownShop,
    WaitsAlone,
)
from avnu.handlers import Area, Shop, Webhook
from avnu.logs import about
from avnu.shopify import queries
from avnu.shopify.payloads import app as payloads
from avnu.store.columns import instant
from avnu.store.shops import Status

area = Area("app")
log = logging.getLogger(__name__)


@area.handler
def app_uninstalled(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """app/uninstalled: the merchant removed the app; the body is the shop as it was then.

    An uninstall older than the install is none. A newer one is confirmed by a call with the shop's
    token, because headers are not signed: what works is installed.
    """
    for webhook in webhooks:
        webhook.decode(payloads.Shop)
    at = max(map(_triggered_at, webhooks))
    try:
        standing = shop.shops.get(shop.domain)
    except UnknownShop:
        shop.put_away()
        return
    if standing.installed_at is not None and standing.installed_at >= at:
        log.info("this uninstall is older than its install", extra=about(shop=shop.domain))
        return
    if standing.status is not Status.UNINSTALLED and _is_installed(shop):
        told = about(shop=shop.domain)
        log.warning("an uninstall was told of, but its token works: nothing done", extra=told)
        return
    if shop.shops.uninstall(shop.domain, at):
        told = about(shop=shop.domain)
        log.info("uninstalled, its tokens and its waiting work are put away", extra=told)
        shop.put_away()


@area.handler
def scopes_updated(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """app/scopes_update: the access scopes granted before and now; a missing one may be there."""
    for told in [webhook.decode(payloads.ScopesUpdate) for webhook in webhooks]:
        _describe(shop, told.updated_at, scopes=told.current)
    shop.go_on("forbidden")


@area.handler
def shop_changed(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """shop/update: domain, plan, currency or another property of the shop."""
    for told in [webhook.decode(payloads.Shop) for webhook in webhooks]:
        _describe(shop, told.updated_at, plan=told.plan_display_name or told.plan_name)
    # No call here: it would hold up an uninstall behind it, whose token is dead already.
    shop.forget(kinds.SHOP)


def _triggered_at(webhook: Webhook) -> datetime:
    """When Shopify triggered it, or when it came where that is not said."""
    return instant((webhook.triggered_ms or webhook.accepted_ms) / 1000)


def _is_installed(shop: Shop) -> bool:
    """Whether Shopify still knows our token. Raises WaitsAlone when that cannot be found out."""
    try:
        # An uninstall sets free what waits for the shop, so it goes before bulk work.
        shop.admin.interactive.query(queries.SHOP)
    except (ShopUnauthorised, TokenRejected, UnknownShop):
        return False
    except ShopForbidden:
        return True  # the token is known, and may not do this
    except Park as why:
        raise WaitsAlone(why) from why
    return True


def _describe(
    shop: Shop,
    at: datetime | None,
    *,
    plan: str | None = None,
    scopes: tuple[str, ...] | None = None,
) -> None:
    """Note it, unless something newer is noted. A shop that was not added yet is told of then."""
    try:
        shop.shops.describe(shop.domain, plan=plan, scopes=scopes, at=at)
    except UnknownShop:
        log.info("not in the database, so nothing is noted of it", extra=about(shop=shop.domain))
