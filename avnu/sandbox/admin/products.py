"""Products and variants. Values are those of the webhooks; times are written in UTC."""

from collections.abc import Callable
from typing import Any

from avnu.sandbox import catalog
from avnu.sandbox.admin import stock_fields
from avnu.sandbox.admin.asked import Info
from avnu.sandbox.admin.gids import gid, number_in
from avnu.sandbox.admin.search import Field, Fields
from avnu.sandbox.admin.shop_world import ShopWorld
from avnu.sandbox.admin.source import Lazy, Source
from avnu.sandbox.admin.written import utc, utc_of
from avnu.sandbox.encoding import Payload
from avnu.sandbox.state import Place


def products(_: None, info: Info, **args: Any) -> Source:
    """``products``: by id or by their last change; all, or those that ``query`` finds."""
    shop = info.context.shop

    def make(product_id: int) -> Source:
        node = product_node(shop, product_id)
        assert node is not None
        return node

    return shop.products().page(args, _fields(shop), make)


def product(_: None, info: Info, id: str) -> Source | None:  # noqa: A002
    """``product(id)``: null for one that is not there."""
    return product_node(info.context.shop, number_in(id, "Product"))


def variant(_: None, info: Info, id: str) -> Source | None:  # noqa: A002
    """``productVariant(id)``: null for one that is not there."""
    return variant_node(info.context.shop, number_in(id, "ProductVariant"))


def product_node(shop: ShopWorld, product_id: int) -> Source | None:
    """The product of an id, or None."""
    number = shop.product_number(product_id)
    if number is None:
        return None
    known = {
        "__typename": "Product",
        "id": gid("Product", product_id),
        "updatedAt": utc_of(shop.state.changed_at(number, product_id)),
    }
    return Lazy(known, lambda: _product(shop, number, shop.product(number)))


def variant_node(shop: ShopWorld, variant_id: int) -> Source | None:
    """The variant of an id, or None."""
    place = shop.variant_place(variant_id)
    return None if place is None else variant_at(shop, place)


def variant_at(shop: ShopWorld, place: Place) -> Source:
    """The variant that stands at a place."""
    number, position = place
    owner = product_node(shop, catalog.product_id(shop.shop, number))
    assert owner is not None
    made: Source = owner["variants"][shop.state.positions(number).index(position)]()
    return made


def _fields(shop: ShopWorld) -> Fields:
    def of(name: str) -> Callable[[int], Any]:
        def read(product_id: int) -> Any:
            number = shop.product_number(product_id)
            assert number is not None
            return str(shop.product(number)[name]).lower()

        return read

    names = ("status", "title", "handle", "product_type", "vendor")
    searched = {name: Field(str.lower, of(name)) for name in names}
    return {"id": Field(int, lambda product_id: product_id), **searched}


def _product(shop: ShopWorld, number: int, payload: Payload) -> Source:
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
        "createdAt": utc(payload["created_at"]),
        "updatedAt": utc(payload["updated_at"]),
        "publishedAt": utc(payload["published_at"]),
        "variantsCount": {"count": len(payload["variants"]), "precision": "EXACT"},
    }
    # Functions, because most callers want a product without its variants.
    source["variants"] = [
        lambda of=of, place=(number, position): _variant(shop, source, of, place)
        for of, position in zip(payload["variants"], shop.state.positions(number), strict=True)
    ]
    return source


def _variant(shop: ShopWorld, owner: Source, payload: Payload, place: Place) -> Source:
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
        "inventoryQuantity": payload["inventory_quantity"],
        "inventoryPolicy": payload["inventory_policy"].upper(),
        "taxable": payload["taxable"],
        "selectedOptions": [{"name": "Size", "value": payload["option1"]}],
        "inventoryItem": lambda: stock_fields.item_at(shop, place),
        "product": owner,
    }
