"""Inventory items, their levels, and locations."""

import msgspec

from avnu.shopify.payloads.fields import Time
from avnu.shopify.query import Connection, NodesQuery
from avnu.shopify.reads.queries.fields import PAGE, Int, Money, Named
from avnu.shopify.reads.queries.more import more


class ItemNode(msgspec.Struct, frozen=True, rename="camel"):
    """An inventory item."""

    id: str
    tracked: bool
    requires_shipping: bool
    created_at: Time
    updated_at: Time
    sku: str | None = None
    unit_cost: Money | None = None
    country_code_of_origin: str | None = None
    harmonized_system_code: str | None = None


ITEMS = NodesQuery(
    name="WholeItems",
    kind="InventoryItem",
    fields=(
        "id sku tracked requiresShipping countryCodeOfOrigin harmonizedSystemCode"
        " createdAt updatedAt unitCost { amount currencyCode }"
    ),
    answer=ItemNode,
    each=2,
)


# ---- levels

# Itself, its location, and its quantities as one list.
_LEVEL_POINTS = 3
# By its location's id and not by its own, which does not name the location any more.
_LEVEL = 'updatedAt location { id } quantities(names: ["available"]) { name quantity }'


class Quantity(msgspec.Struct, frozen=True):
    """Pieces in one state."""

    name: str
    quantity: Int


class LevelNode(msgspec.Struct, frozen=True, rename="camel"):
    """The stock of an item at a location."""

    updated_at: Time
    location: Named
    quantities: tuple[Quantity, ...]


class StockedItem(msgspec.Struct, frozen=True, rename="camel"):
    """Where an item is stocked; pieces count for nothing while it is not ``tracked``."""

    id: str
    tracked: bool
    inventory_levels: Connection[LevelNode]


def _levels(name: str, first: int) -> NodesQuery[StockedItem]:
    return NodesQuery(
        name=name,
        kind="InventoryItem",
        fields=f"id tracked inventoryLevels(first: {first}) {{ nodes {{ {_LEVEL} }} {PAGE} }}",
        answer=StockedItem,
        each=1 + first * _LEVEL_POINTS,
    )


LEVELS = _levels("ItemLevels", 6)
# The same for items in more places: whole again.
LEVELS_IN_MORE = _levels("ItemLevelsInMore", 50)

MORE_LEVELS = more(
    "MoreItemLevels",
    "InventoryItem",
    "inventoryLevels",
    _LEVEL,
    LevelNode,
    first=250,
    each=_LEVEL_POINTS,
)


# ---- locations


class Address(msgspec.Struct, frozen=True, rename="camel"):
    """Country and province of a location."""

    country_code: str | None = None
    province_code: str | None = None


class LocationNode(msgspec.Struct, frozen=True, rename="camel"):
    """A location."""

    id: str
    name: str
    is_active: bool
    is_fulfillment_service: bool
    address: Address
    created_at: Time
    updated_at: Time


LOCATIONS = NodesQuery(
    name="WholeLocations",
    kind="Location",
    fields=(
        "id name isActive isFulfillmentService createdAt updatedAt"
        " address { countryCode provinceCode }"
    ),
    answer=LocationNode,
    each=2,
)
