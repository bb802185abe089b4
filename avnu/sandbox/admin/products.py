"""Products and variants. Values are those of the webhooks; times are written in UTC."""

from typing import Any

from avnu.sandbox.admin.asked import Info, Source
from avnu.sandbox.admin.gids import gid, number_in
from avnu.sandbox.admin.pages import page
from avnu.sandbox.admin.product_search import matching
from avnu.sandbox.admin.shop_world import Place, ShopWorld
from avnu.sandbox.admin.written import utc
from avnu.sandbox.encoding import Payload


def products(_: None, info: Info, **args: Any) -> Source:
    """``products``: by id, or of those the ones that ``query`` finds."""
    shop = info.context.shop
    ids = shop.product_ids()
    if args.get("query"):
        ids = matching(args["query"], shop)
    return page(ids, lambda product_id: _listed(shop, product_id), args)


def product(_: None, info: Info, id: str) -> Source | None:  # noqa: A002
    """``product(id)``: null for one that is not there."""
    return product_node(info.context.shop, number_in(id, "Product"))


def variant(_: None, info: Info, id: str) -> Source | None:  # noqa: A002
    """``productVariant(id)``: null for one that is not there."""
    return variant_node(info.context.shop, number_in(id, "ProductVariant"))


def variants(source: Source, _info: Info, **args: Any) -> Source:
    """``Product.variants``: in their order."""
    made = source["variants"]
    return page(range(len(made)), lambda position: made[position](), args)


def product_node(shop: ShopWorld, product_id: int) -> Source | None:
    """The product of an id, or None."""
    number = shop.product_number(product_id)
    return None if number is None else _product(shop, shop.product(number))


def variant_node(shop: ShopWorld, variant_id: int) -> Source | None:
    """The variant of an id, or None."""
    place = shop.variant_place(variant_id)
    return None if place is None else _at(shop, place)


def item_node(shop: ShopWorld, item_id: int) -> Source | None:
    """The inventory item of an id, or None."""
    place = shop.item_place(item_id)
    return None if place is None else _item(_at(shop, place))


def _listed(shop: ShopWorld, product_id: int) -> Source:
    node = product_node(shop, product_id)
    assert node is not None
    return node


def _at(shop: ShopWorld, place: Place) -> Source:
    number, position = place
    made: Source = _product(shop, shop.product(number))["variants"][position]()
    return made


def _item(variant_source: Source) -> Source:
    item: Source = variant_source["inventoryItem"]
    return item


def _product(shop: ShopWorld, payload: Payload) -> Source:
    source: Source = {
        "__typename": "Product",
        "id": payload["admin_graphql_api_id"],
        "title": payload["title"],
        "handle": payload["handle"],
        "status": payload["status"].upper(),
        "vendor": payload["vendor"],
        "productType": payload["product_type"],
        "descriptionHtml": payload["body_html"],
        "tags": payload["tags"].split(", "),
        "createdAt": lambda: utc(payload["created_at"]),
        "updatedAt": lambda: utc(payload["updated_at"]),
        "publishedAt": lambda: utc(payload["published_at"]),
        "variantsCount": {"count": len(payload["variants"]), "precision": "EXACT"},
    }
    # Functions, because most callers want a product without its variants.
    source["variants"] = [lambda of=of: _variant(shop, source, of) for of in payload["variants"]]
    return source


def _variant(shop: ShopWorld, owner: Source, payload: Payload) -> Source:
    item_id = payload["inventory_item_id"]
    return {
        "__typename": "ProductVariant",
        "id": payload["admin_graphql_api_id"],
        "title": payload["title"],
        "sku": payload["sku"],
        "barcode": payload["barcode"],
        "price": payload["price"],
        "compareAtPrice": payload["compare_at_price"],
        "position": payload["position"],
        "createdAt": lambda: utc(payload["created_at"]),
        "updatedAt": lambda: utc(payload["updated_at"]),
        "inventoryQuantity": payload["inventory_quantity"] + shop.stock.change(item_id),
        "inventoryItem": {
            "__typename": "InventoryItem",
            "id": gid("InventoryItem", item_id),
            "sku": payload["sku"],
        },
        "product": owner,
    }
