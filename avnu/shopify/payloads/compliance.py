"""Payloads of the three privacy topics, which every app of the App Store must follow.

Source: Shopify's page on privacy law compliance, API version 2026-07.
"""

import msgspec

from avnu.shopify.payloads.fields import Id


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a request is about; email or phone may be all that is known."""

    id: Id | None = None
    email: str | None = None
    phone: str | None = None

    def __repr__(self) -> str:
        # Structs end up in log lines and tracebacks, personal data must not.
        return f"Customer(id={self.id})"


class DataRequestRef(msgspec.Struct, frozen=True, kw_only=True):
    """Shopify's number of a data request."""

    id: Id | None = None


class DataRequest(msgspec.Struct, frozen=True, kw_only=True):
    """customers/data_request: a customer wants to see what is kept about them."""

    shop_id: Id
    shop_domain: str
    customer: Customer | None = None
    orders_requested: tuple[Id, ...] | None = None
    data_request: DataRequestRef | None = None


class CustomerRedact(msgspec.Struct, frozen=True, kw_only=True):
    """customers/redact: delete what is kept about a customer and these orders of theirs."""

    shop_id: Id
    shop_domain: str
    customer: Customer | None = None
    orders_to_redact: tuple[Id, ...] | None = None


class ShopRedact(msgspec.Struct, frozen=True, kw_only=True):
    """shop/redact: delete what is kept about a shop; it comes 48 hours after the uninstall."""

    shop_id: Id
    shop_domain: str
