"""Versions of products, items, levels and locations, made from webhook payloads. Pure.

Each answers None where the body says too little to be stored, as when it is only ``{"id": …}``:
the resource must be read from the Admin API then. Raises Unreadable for a number that no column
holds. ``currency`` is the shop's, from its settings, as no payload here names it.
"""

from avnu.shopify.payloads import inventory, products
from avnu.store.market.numbers import stored
from avnu.store.market.versions import Item, Level, Location, Product, Variant


def product(payload: products.Product, currency: str) -> Product | None:
    """A product; partial where the body names more variants than it holds."""
    if payload.updated_at is None or payload.variants is None:
        return None
    return Product(
        id=payload.id,
        updated_at=payload.updated_at,
        title=payload.title,
        handle=payload.handle,
        body_html=payload.body_html,
        vendor=payload.vendor,
        product_type=payload.product_type,
        status=payload.status,
        tags=payload.tags,
        currency=currency,
        created_at=payload.created_at,
        published_at=payload.published_at,
        partial=len(payload.variant_gids or ()) > len(payload.variants),
        variants=tuple(map(_variant, payload.variants)),
    )


def item(payload: inventory.InventoryItem, currency: str) -> Item | None:
    """An inventory item."""
    if payload.updated_at is None:
        return None
    return Item(
        id=payload.id,
        updated_at=payload.updated_at,
        sku=payload.sku,
        cost=payload.cost,
        currency=currency,
        tracked=payload.tracked,
        requires_shipping=payload.requires_shipping,
        country_code_of_origin=payload.country_code_of_origin,
        harmonized_system_code=payload.harmonized_system_code,
        created_at=payload.created_at,
    )


def level(payload: inventory.InventoryLevel) -> Level | None:
    """Stock of an item at a location. None for the body of a disconnect, which is a delete."""
    if payload.updated_at is None:
        return None
    return Level(
        inventory_item_id=payload.inventory_item_id,
        location_id=payload.location_id,
        updated_at=payload.updated_at,
        available=stored("available", payload.available),
    )


def location(payload: inventory.Location, *, active: bool | None = None) -> Location | None:
    """A location; ``active`` where the topic says it, and then the body is not believed."""
    if payload.updated_at is None:
        return None
    return Location(
        id=payload.id,
        updated_at=payload.updated_at,
        name=payload.name,
        active=payload.active if active is None else active,
        legacy=payload.legacy,
        country_code=payload.country_code,
        province_code=payload.province_code,
        created_at=payload.created_at,
    )


def _variant(payload: products.Variant) -> Variant:
    return Variant(
        id=payload.id,
        inventory_item_id=payload.inventory_item_id,
        position=stored("position", payload.position),
        title=payload.title,
        sku=payload.sku,
        barcode=payload.barcode,
        option1=payload.option1,
        option2=payload.option2,
        option3=payload.option3,
        price=payload.price,
        compare_at_price=payload.compare_at_price,
        inventory_policy=payload.inventory_policy,
        taxable=payload.taxable,
    )
