"""Items, levels and locations, made from answers as ``catalogue_rows`` makes them from webhooks.

Pure. Raises ValueError for ids and amounts that are none.
"""

from datetime import datetime

from avnu.shopify.reads.queries.stock import ItemNode, LevelNode, LocationNode, StockedItem
from avnu.shopify.reads.values import amount_in, id_of
from avnu.store.market.versions import Item, Level, Location


def item(node: ItemNode, currency: str, read_at: datetime) -> Item:
    """An inventory item; ``currency``: the shop's, for one without a cost that says it."""
    return Item(
        id=id_of(node.id),
        updated_at=node.updated_at,
        read_at=read_at,
        sku=node.sku,
        cost=amount_in(node.unit_cost),
        currency=node.unit_cost.currency_code if node.unit_cost else currency,
        tracked=node.tracked,
        requires_shipping=node.requires_shipping,
        country_code_of_origin=node.country_code_of_origin,
        harmonized_system_code=node.harmonized_system_code,
        created_at=node.created_at,
    )


def levels(node: StockedItem, read_at: datetime) -> tuple[Level, ...]:
    """Where an item is stocked."""
    return tuple(_level(node, one, read_at) for one in node.inventory_levels.nodes)


def _level(item: StockedItem, node: LevelNode, read_at: datetime) -> Level:
    pieces = {one.name: one.quantity for one in node.quantities}
    return Level(
        inventory_item_id=id_of(item.id),
        location_id=id_of(node.location.id),
        updated_at=node.updated_at,
        read_at=read_at,
        # Webhooks say null of an item that is not tracked, and here it has some number.
        available=pieces.get("available") if item.tracked else None,
    )


def location(node: LocationNode, read_at: datetime) -> Location:
    """A location; legacy: a fulfilment service's."""
    return Location(
        id=id_of(node.id),
        updated_at=node.updated_at,
        read_at=read_at,
        name=node.name,
        active=node.is_active,
        legacy=node.is_fulfillment_service,
        country_code=node.address.country_code,
        province_code=node.address.province_code,
        created_at=node.created_at,
    )
