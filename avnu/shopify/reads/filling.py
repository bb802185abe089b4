"""What of a node may lack pages, and how it is completed, kind by kind."""

from typing import Any, TypeVar

from msgspec.structs import replace

from avnu.shopify.query import Connection
from avnu.shopify.reads.pages import Pages
from avnu.shopify.reads.queries import orders, products, stock
from avnu.shopify.reads.queries.orders import OrderNode, RefundNode, ShipmentNode
from avnu.shopify.reads.queries.products import ProductNode
from avnu.shopify.reads.queries.stock import StockedItem
from avnu.shopify.reads.whole import Reading

N = TypeVar("N")


def _goes_on(*lists: Connection[Any]) -> bool:
    return any(one.page_info.has_next_page for one in lists)


# ---- products


def _product(node: ProductNode, pages: Pages) -> ProductNode:
    variants = pages.whole(node.variants, products.MORE_VARIANTS, node.id, node.updated_at)
    return replace(node, variants=variants)


PRODUCTS: Reading[ProductNode] = Reading(
    few=products.PRODUCTS,
    more=products.PRODUCTS_WITH_MORE,
    lacks=lambda node: _goes_on(node.variants),
    whole=_product,
    divisible=True,
)


# ---- levels


def _levels(node: StockedItem, pages: Pages) -> StockedItem:
    # Each level is a version of its own, and the item's does not tell of them.
    return replace(
        node, inventory_levels=pages.whole(node.inventory_levels, stock.MORE_LEVELS, node.id)
    )


LEVELS: Reading[StockedItem] = Reading(
    few=stock.LEVELS,
    more=stock.LEVELS_IN_MORE,
    lacks=lambda node: _goes_on(node.inventory_levels),
    whole=_levels,
)


# ---- orders


def _order_lacks(node: OrderNode) -> bool:
    return _goes_on(
        node.line_items,
        *(one.fulfillment_line_items for one in node.fulfillments),
        *(one.refund_line_items for one in node.refunds),
        *(one.transactions for one in node.refunds),
    )


def _order(node: OrderNode, pages: Pages) -> OrderNode:
    return replace(
        node,
        line_items=pages.whole(node.line_items, orders.MORE_LINES, node.id, node.updated_at),
        fulfillments=tuple(_shipment(one, pages) for one in node.fulfillments),
        refunds=tuple(_refund(one, pages) for one in node.refunds),
    )


def _shipment(node: ShipmentNode, pages: Pages) -> ShipmentNode:
    lines, version = node.fulfillment_line_items, node.updated_at
    return replace(
        node,
        fulfillment_line_items=pages.whole(lines, orders.MORE_SHIPPED_LINES, node.id, version),
    )


def _refund(node: RefundNode, pages: Pages) -> RefundNode:
    def whole(first: Connection[N], query: Any) -> Connection[N]:
        return pages.whole(first, query, node.id, node.updated_at)

    return replace(
        node,
        refund_line_items=whole(node.refund_line_items, orders.MORE_REFUND_LINES),
        transactions=whole(node.transactions, orders.MORE_TRANSACTIONS),
    )


ORDERS: Reading[OrderNode] = Reading(
    few=orders.ORDERS, more=orders.ORDERS_WITH_MORE, lacks=_order_lacks, whole=_order
)
