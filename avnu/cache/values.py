"""What is cached: typed and unchangeable, as one object is handed to many callers.

Ids are Shopify's numbers, amounts are decimal text in the shop's currency, times ISO 8601 text.
A field that is added needs a default, or ``schema`` of its kind must grow: a rolling deployment
reads what the release before has written.
"""

import msgspec


class ShopProfile(msgspec.Struct, frozen=True, kw_only=True):
    """Settings and plan of a shop."""

    name: str
    plan: str
    currency: str
    timezone: str
    country: str = ""
    primary_domain: str = ""


class Location(msgspec.Struct, frozen=True, kw_only=True):
    """A place that holds stock."""

    id: int
    name: str
    active: bool = True
    fulfils_online_orders: bool = True


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """A product as orders and the marketplace look it up."""

    id: int
    title: str
    handle: str = ""
    status: str = ""
    vendor: str = ""
    product_type: str = ""
    updated_at: str = ""


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """A variant as orders and the marketplace look it up."""

    id: int
    product_id: int
    title: str = ""
    sku: str | None = None
    barcode: str | None = None
    price: str | None = None
    inventory_item_id: int | None = None
    inventory_quantity: int | None = None
    updated_at: str = ""


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook subscription as the shop has it."""

    id: int
    topic: str
    address: str
    api_version: str = ""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a long list as Shopify answered it, see ``avnu/shopify/reads/pages.py``."""

    content: bytes
