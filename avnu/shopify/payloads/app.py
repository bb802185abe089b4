"""Payloads of app/uninstalled, app/scopes_update and shop/update (API version 2026-07)."""

import msgspec

from avnu.shopify.payloads.fields import Currency, Id, Time, WithId


class Shop(WithId, frozen=True, kw_only=True):
    """The shop itself, as shop/update and app/uninstalled send it.

    Owner, email, phone and street stand in the body and are left there: nobody needs them.
    """

    name: str | None = None
    domain: str | None = None  # the one that customers see
    myshopify_domain: str | None = None  # the one that never changes; null in the samples
    currency: Currency | None = None
    country_code: str | None = None
    iana_timezone: str | None = None
    primary_locale: str | None = None
    primary_location_id: Id | None = None
    plan_name: str | None = None
    plan_display_name: str | None = None
    created_at: Time | None = None
    updated_at: Time | None = None


class ScopesUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """Which access scopes the merchant had granted before, and grants now."""

    id: Id | None = None
    shop_id: str | None = None  # "gid://shopify/Shop/548380009"
    previous: tuple[str, ...] | None = None
    current: tuple[str, ...]
    updated_at: Time | None = None
