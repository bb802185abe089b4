"""The queries that Avnu sends (API version 2026-07), and the structs their answers are read into.

Only fields that are used are asked for: each object costs a point.
"""

import msgspec

from avnu.shopify.query import Connection, Mutation, NodesQuery, Payload, Query


class _Named(msgspec.Struct, frozen=True, rename="camel"):
    """An object of which only the id is wanted."""

    id: str


# ---- products and variants


class ProductNode(msgspec.Struct, frozen=True, rename="camel"):
    """A product without its variants."""

    id: str
    title: str
    handle: str
    status: str
    vendor: str
    product_type: str
    updated_at: str


PRODUCTS = NodesQuery(
    name="Products",
    kind="Product",
    fields="id title handle status vendor productType updatedAt",
    answer=ProductNode,
)


class VariantNode(msgspec.Struct, frozen=True, rename="camel"):
    """A variant, with the numbers of what it belongs to."""

    id: str
    title: str
    updated_at: str
    product: _Named
    inventory_item: _Named | None = None
    sku: str | None = None
    barcode: str | None = None
    price: str | None = None
    inventory_quantity: int | None = None


VARIANTS = NodesQuery(
    name="Variants",
    kind="ProductVariant",
    fields=(
        "id title sku barcode price updatedAt inventoryQuantity inventoryItem { id } product { id }"
    ),
    answer=VariantNode,
    each=3,
)


# ---- the shop


class _Plan(msgspec.Struct, frozen=True, rename="camel"):
    public_display_name: str


class _Domain(msgspec.Struct, frozen=True):
    host: str


class _Address(msgspec.Struct, frozen=True, rename="camel"):
    country_code_v2: str | None = msgspec.field(default=None, name="countryCodeV2")


class ShopNode(msgspec.Struct, frozen=True, rename="camel"):
    """Settings and plan."""

    name: str
    currency_code: str
    iana_timezone: str
    plan: _Plan
    primary_domain: _Domain
    billing_address: _Address | None = None


class ShopAnswer(msgspec.Struct, frozen=True):
    """Data of SHOP."""

    shop: ShopNode


SHOP: Query[ShopAnswer] = Query(
    name="Shop",
    text=(
        "query Shop { shop { name currencyCode ianaTimezone plan { publicDisplayName }"
        " primaryDomain { host } billingAddress { countryCodeV2 } } }"
    ),
    answer=ShopAnswer,
    cost=4,
)


# ---- locations


class LocationNode(msgspec.Struct, frozen=True, rename="camel"):
    """A place that holds stock."""

    id: str
    name: str
    is_active: bool
    fulfills_online_orders: bool


class LocationsAnswer(msgspec.Struct, frozen=True):
    """Data of LOCATIONS."""

    locations: Connection[LocationNode]


LOCATIONS: Query[LocationsAnswer] = Query(
    name="Locations",
    text=(
        "query Locations($after: String) {"
        " locations(first: 50, after: $after, includeInactive: true) {"
        " nodes { id name isActive fulfillsOnlineOrders }"
        " pageInfo { hasNextPage endCursor } } }"
    ),
    answer=LocationsAnswer,
    cost=52,
)


# ---- webhook subscriptions


class _ApiVersion(msgspec.Struct, frozen=True):
    handle: str


class SubscriptionNode(msgspec.Struct, frozen=True, rename="camel"):
    """A webhook subscription; topics are spelt ``ORDERS_CREATE`` here."""

    id: str
    topic: str
    uri: str
    api_version: _ApiVersion | None = None


class SubscriptionsAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """Data of SUBSCRIPTIONS."""

    webhook_subscriptions: Connection[SubscriptionNode]


SUBSCRIPTIONS: Query[SubscriptionsAnswer] = Query(
    name="Subscriptions",
    text=(
        "query Subscriptions($after: String) {"
        " webhookSubscriptions(first: 100, after: $after) {"
        " nodes { id topic uri apiVersion { handle } }"
        " pageInfo { hasNextPage endCursor } } }"
    ),
    answer=SubscriptionsAnswer,
    cost=202,
)


class Subscribed(Payload, frozen=True, rename="camel"):
    """What SUBSCRIBE made."""

    webhook_subscription: _Named | None = None


SUBSCRIBE: Mutation[Subscribed] = Mutation(
    name="Subscribe",
    field="webhookSubscriptionCreate",
    text=(
        "mutation Subscribe($topic: WebhookSubscriptionTopic!, $uri: String!) {"
        " webhookSubscriptionCreate(topic: $topic, webhookSubscription: {uri: $uri}) {"
        " webhookSubscription { id } userErrors { field message } } }"
    ),
    answer=Subscribed,
)
