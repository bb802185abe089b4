"""The schema with its resolvers.

To add a field: write it into ``schema.graphql``. Where its object has it by the same name (a value,
or a function without arguments) nothing else is needed; otherwise write a resolver beside its
resource and give it a row in ``RESOLVERS``. A connection is a type whose name ends in
``Connection``, which is what the cost rules go by. To add a resource: its types, its resolvers in a
module of its own, its kind in ``nodes.py``.
"""

import functools
from collections.abc import Callable, Mapping
from importlib import resources
from types import MappingProxyType
from typing import Any

from graphql import GraphQLObjectType, GraphQLSchema, build_schema

from avnu.sandbox.admin import (
    inventory,
    nodes,
    order_fields,
    products,
    shop_fields,
    stock_fields,
    webhook_fields,
)
from avnu.sandbox.admin.asked import Info
from avnu.sandbox.admin.pages import listed
from avnu.sandbox.admin.source import Source

RESOLVERS: Mapping[str, Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {
        "QueryRoot": {
            "inventoryItem": stock_fields.item,
            "inventoryItems": stock_fields.items,
            "inventoryLevel": stock_fields.level,
            "location": shop_fields.location,
            "locations": shop_fields.locations,
            "node": nodes.node,
            "nodes": nodes.nodes,
            "order": order_fields.order,
            "orders": order_fields.orders,
            "product": products.product,
            "productVariant": products.variant,
            "products": products.products,
            "shop": shop_fields.shop,
            "webhookSubscription": webhook_fields.subscription,
            "webhookSubscriptions": webhook_fields.subscriptions,
        },
        "Mutation": {
            "inventoryAdjustQuantities": inventory.adjust,
            "webhookSubscriptionCreate": webhook_fields.create,
            "webhookSubscriptionDelete": webhook_fields.delete,
        },
        "Fulfillment": {
            "fulfillmentLineItems": listed,
            "trackingInfo": order_fields.first_of,
        },
        "InventoryItem": {"inventoryLevels": listed},
        "InventoryLevel": {"quantities": stock_fields.quantities},
        "Location": {"inventoryLevels": stock_fields.levels},
        "Order": {
            "fulfillments": order_fields.first_of,
            "lineItems": listed,
            "refunds": order_fields.first_of,
        },
        "Product": {"variants": listed},
        "Refund": {"refundLineItems": listed, "transactions": listed},
    }
)


@functools.cache
def admin_schema() -> GraphQLSchema:
    """The schema, which nobody may change; made when first needed, in 20 ms."""
    text = (resources.files(__package__) / "schema.graphql").read_text(encoding="utf-8")
    schema = build_schema(text)
    for name, fields in RESOLVERS.items():
        made = schema.type_map[name]
        assert isinstance(made, GraphQLObjectType)
        for field, resolve in fields.items():
            made.fields[field].resolve = resolve
    return schema


def field_of(source: Source, info: Info, **_args: Any) -> Any:
    """What a field without a resolver is: the value of that name, made now if need be."""
    value = source[info.field_name]
    return value() if callable(value) else value


def type_of(source: Source, _info: Info, _abstract: Any) -> str:
    """Which type an object of an interface is."""
    name: str = source["__typename"]
    return name
