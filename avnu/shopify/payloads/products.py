"""Payloads of products/* (API version 2026-07)."""

import msgspec

from avnu.shopify.payloads.fields import Amount, Id, Time, WithId


class Variant(WithId, frozen=True, kw_only=True):
    """One variant. Its prices are in the shop's currency, which the payload does not name."""

    product_id: Id | None = None
    inventory_item_id: Id | None = None
    title: str | None = None
    sku: str | None = None
    barcode: str | None = None
    position: int | None = None
    option1: str | None = None
    option2: str | None = None
    option3: str | None = None
    price: Amount | None = None
    compare_at_price: Amount | None = None
    inventory_policy: str | None = None
    inventory_quantity: int | None = None  # sum over all locations
    taxable: bool | None = None
    created_at: Time | None = None
    updated_at: Time | None = None


class VariantRef(msgspec.Struct, frozen=True, kw_only=True):
    """The global id of a variant, and when it last changed."""

    admin_graphql_api_id: str
    updated_at: Time | None = None


class Product(WithId, frozen=True, kw_only=True):
    """A product as create and update send it.

    ``variants`` holds the first 100 at most; ``variant_gids`` names them all, so a product
    with more of these than of those is partial.
    """

    title: str | None = None
    handle: str | None = None
    body_html: str | None = None
    vendor: str | None = None
    product_type: str | None = None
    status: str | None = None
    tags: str | None = None  # comma-separated
    created_at: Time | None = None
    updated_at: Time | None = None
    published_at: Time | None = None
    variants: tuple[Variant, ...] | None = None
    variant_gids: tuple[VariantRef, ...] | None = None


class ProductDeleted(WithId, frozen=True, kw_only=True):
    """All that is left of a deleted product: its id."""
