"""What changed, and what is there: ids and versions only, 250 a page.

Orders and products come by the time of their change. Shopify has no such order for inventory items
(there is no ``sortKey``) nor for levels, which are listed location by location: those come by id.
A listing asks Shopify's search, which lags behind what is read by id by some seconds.
"""

import msgspec

from avnu.shopify.payloads.fields import Time
from avnu.shopify.query import Connection, NodesQuery, Query
from avnu.shopify.reads.queries.fields import PAGE, Named

ROWS = 250


class Changed(msgspec.Struct, frozen=True, rename="camel"):
    """A resource and its version."""

    id: str
    updated_at: Time


class Listing(msgspec.Struct, frozen=True):
    """Data of a listing."""

    page: Connection[Changed]


def _listing(name: str, field: str, sorted_by: str = "") -> Query[Listing]:
    return Query(
        name=name,
        text=(
            f"query {name}($after: String, $search: String) {{"
            f" page: {field}(first: {ROWS}, after: $after, query: $search{sorted_by})"
            f" {{ nodes {{ id updatedAt }} {PAGE} }} }}"
        ),
        answer=Listing,
        cost=ROWS,
    )


PRODUCTS = _listing("ChangedProducts", "products", ", sortKey: UPDATED_AT")
ORDERS = _listing("ChangedOrders", "orders", ", sortKey: UPDATED_AT")
ITEMS = _listing("ChangedItems", "inventoryItems")

_EVERY_LOCATION = "sortKey: ID, includeInactive: true, includeLegacy: true"

# All of them, as Shopify cannot search for the time of their change; most shops have 200 at most.
LOCATIONS: Query[Listing] = Query(
    name="AllLocations",
    text=(
        "query AllLocations($after: String) {"
        f" page: locations(first: {ROWS}, after: $after, {_EVERY_LOCATION})"
        f" {{ nodes {{ id updatedAt }} {PAGE} }} }}"
    ),
    answer=Listing,
    cost=ROWS,
)


# ---- levels


class ChangedLevel(msgspec.Struct, frozen=True, rename="camel"):
    """A level of the location that it is listed under."""

    item: Named
    updated_at: Time


class LevelsOfLocation(msgspec.Struct, frozen=True, rename="camel"):
    """A page of a location's levels."""

    id: str
    inventory_levels: Connection[ChangedLevel]


class LevelListing(msgspec.Struct, frozen=True):
    """Data of LEVELS: one location, or none where there is none left."""

    page: Connection[LevelsOfLocation]


# One location a call: ``location`` is the cursor of the one before, ``after`` the level's.
LEVELS: Query[LevelListing] = Query(
    name="ChangedLevels",
    text=(
        "query ChangedLevels($location: String, $after: String, $search: String) {"
        f" page: locations(first: 1, after: $location, {_EVERY_LOCATION}) {{ nodes {{ id"
        f" inventoryLevels(first: {ROWS}, after: $after, query: $search)"
        f" {{ nodes {{ updatedAt item {{ id }} }} {PAGE} }} }} {PAGE} }} }}"
    ),
    answer=LevelListing,
    cost=1 + ROWS * 2,
)


# ---- existence


def existing(kind: str) -> NodesQuery[Named]:
    """Which of some ids Shopify has; ``kind`` as Shopify spells it."""
    return NodesQuery(name=f"Existing{kind}", kind=kind, fields="id", answer=Named)
