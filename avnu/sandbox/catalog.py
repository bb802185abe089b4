"""Bodies about products and stock: products/*, inventory_items/*, inventory_levels/*.

A product is made from its number in the shop's catalogue each time it is needed, so a shop of
40,000 products costs no memory; a ``Revision`` is what an edit changes.
"""

from collections.abc import Callable

import msgspec

from avnu.sandbox.chance import chance
from avnu.sandbox.encoding import Payload, local_time, money, steady_id
from avnu.sandbox.shops import LONG_AGO, SandboxShop, untouched_at

_KINDS = ("Lamp", "Mug", "Backpack", "Notebook", "Kettle", "Rug", "Jacket", "Chair")
_FINISHES = ("Oak", "Slate", "Sand", "Olive", "Rust", "Ivory", "Cobalt", "Charcoal")
_SIZES = ("S", "M", "L", "XL")
_VARIANT_COUNTS = (1, 1, 2, 2, 2, 3, 4)
_TAGS = ("new", "sale", "gift", "home & living", "outdoor/garden", "handmade", "bestseller")

#: A webhook holds so many of a product's variants; the others it only names.
TOLD_VARIANTS = 100


class Revision(msgspec.Struct, frozen=True):
    """What a product has become. Times are unix seconds."""

    version: int  # how often it was edited
    at: float  # of the last edit
    created: float | None = None  # None: long ago
    positions: tuple[int, ...] | None = None  # of its variants; None: the catalogue's


def first_revision(shop: SandboxShop, number: int) -> Revision:
    """A product of the catalogue before anything happens."""
    return Revision(0, untouched_at(product_id(shop, number)))


def product_id(shop: SandboxShop, number: int) -> int:
    """The id of the shop's ``number``-th product."""
    return steady_id(shop.domain, "product", number)


def variant_count(shop: SandboxShop, number: int) -> int:
    """1 to 4 variants in the catalogue, 2 on average; more where the shop has a large product."""
    if number == 0 and shop.most_variants:
        return shop.most_variants
    return _VARIANT_COUNTS[product_id(shop, number) % len(_VARIANT_COUNTS)]


def variant_id(shop: SandboxShop, number: int, position: int) -> int:
    """The id of a product's variant; positions begin at 0."""
    return steady_id(shop.domain, "variant", number, position)


def inventory_item_id(shop: SandboxShop, number: int, position: int) -> int:
    """The id of the stock keeping unit behind a variant."""
    return steady_id(shop.domain, "item", number, position)


def price_cents(shop: SandboxShop, number: int, version: int) -> int:
    """What a product costs at a version: every edit moves it."""
    return 500 + product_id(shop, number) % 20_000 + 10 * version


def product_title(shop: SandboxShop, number: int) -> str:
    """``Oak Lamp 17``."""
    chosen = product_id(shop, number)
    return f"{_FINISHES[chosen % 8]} {_KINDS[chosen // 8 % 8]} {number}"


def lying(shop: SandboxShop, number: int, position: int) -> int:
    """Pieces of a variant that lie at the shop's first location, as long as nobody has said."""
    return (product_id(shop, number) + position) % 200


def product_payload(
    shop: SandboxShop,
    number: int,
    revision: Revision,
    stock: Callable[[int], int] | None = None,
) -> Payload:
    """The whole product with all its variants; about 2.8 kB encoded.

    ``stock`` tells how many pieces there are of the variant at a position.
    """
    rng = chance(product_id(shop, number))
    updated_at = local_time(revision.at, shop.offset_minutes)
    age_s = rng.randrange(86_400, 50_000_000)
    created = LONG_AGO - age_s if revision.created is None else revision.created
    created_at = local_time(created, shop.offset_minutes)
    times = {"created_at": created_at, "updated_at": updated_at}
    title = product_title(shop, number)
    cents = price_cents(shop, number, revision.version)
    variants = [
        _variant(
            shop,
            number,
            position,
            rank=rank,
            cents=cents,
            times=times,
            stock=lying(shop, number, position) if stock is None else stock(position),
        )
        for rank, position in enumerate(positions_of(shop, number, revision), start=1)
    ]
    image = _image(shop, number, created_at)
    return {
        "admin_graphql_api_id": f"gid://shopify/Product/{product_id(shop, number)}",
        "body_html": f"<p>{title}, made to last & easy to care for.</p>",
        "created_at": created_at,
        "handle": title.lower().replace(" ", "-"),
        "id": product_id(shop, number),
        "product_type": title.split()[1],
        "published_at": created_at,
        "template_suffix": None,
        "title": title,
        "updated_at": updated_at,
        "vendor": shop.name,
        "status": "active",
        "published_scope": "global",
        "tags": ", ".join([*sorted(rng.sample(_TAGS, 3)), f"rev-{revision.version}"]),
        "variants": variants,
        "options": [
            {
                "name": "Size",
                "id": steady_id(shop.domain, "option", number),
                "product_id": product_id(shop, number),
                "position": 1,
                "values": [variant["title"] for variant in variants],
            }
        ],
        "images": [image],
        "image": image,
        "media": [],
        "variant_gids": [
            {"admin_graphql_api_id": variant["admin_graphql_api_id"], "updated_at": updated_at}
            for variant in variants
        ],
        "has_variants_that_requires_components": False,
        "category": None,
    }


def told(product: Payload) -> Payload:
    """The product as products/create and products/update send it: not with every variant."""
    if len(product["variants"]) <= TOLD_VARIANTS:
        return product
    return {**product, "variants": product["variants"][:TOLD_VARIANTS]}


def positions_of(shop: SandboxShop, number: int, revision: Revision) -> tuple[int, ...]:
    """The positions whose variants the product has."""
    if revision.positions is None:
        return tuple(range(variant_count(shop, number)))
    return revision.positions


def _variant(
    shop: SandboxShop,
    number: int,
    position: int,
    *,
    rank: int,
    cents: int,
    times: Payload,
    stock: int,
) -> Payload:
    size = _SIZES[position] if position < len(_SIZES) else f"Size {position + 1}"
    own_id = variant_id(shop, number, position)
    return {
        "admin_graphql_api_id": f"gid://shopify/ProductVariant/{own_id}",
        "barcode": None,
        "compare_at_price": money(cents + 500),
        **times,
        "id": own_id,
        "inventory_policy": "deny",
        "position": rank,
        "price": money(cents),
        "product_id": product_id(shop, number),
        "sku": sku(number, position),
        "taxable": True,
        "title": size,
        "option1": size,
        "option2": None,
        "option3": None,
        "image_id": None,
        "inventory_item_id": inventory_item_id(shop, number, position),
        "inventory_quantity": stock,
        "old_inventory_quantity": stock,
    }


def sku(number: int, position: int) -> str:
    """``00017-0``."""
    return f"{number:05d}-{position}"


def _image(shop: SandboxShop, number: int, created_at: str) -> Payload:
    image_id = steady_id(shop.domain, "image", number)
    return {
        "id": image_id,
        "alt": None,
        "position": 1,
        "product_id": product_id(shop, number),
        "created_at": created_at,
        "updated_at": created_at,
        "admin_graphql_api_id": f"gid://shopify/ProductImage/{image_id}",
        "width": 1200,
        "height": 1200,
        "src": f"https://cdn.example.com/s/files/{shop.id}/products/{number}.jpg?v=1&size=full",
        "variant_ids": [],
    }


def inventory_item_payload(
    shop: SandboxShop,
    number: int,
    position: int,
    at: float,
    *,
    created: float | None = None,
) -> Payload:
    """The stock keeping unit behind a variant; ``created`` long ago where nobody says."""
    item_id = inventory_item_id(shop, number, position)
    made = LONG_AGO - 40_000_000 if created is None else created
    return {
        "id": item_id,
        "sku": sku(number, position),
        "created_at": local_time(made, shop.offset_minutes),
        "updated_at": local_time(at, shop.offset_minutes),
        "requires_shipping": True,
        "cost": money(price_cents(shop, number, 0) // 2),
        "country_code_of_origin": shop.country_code,
        "province_code_of_origin": None,
        "harmonized_system_code": None,
        "tracked": True,
        "country_harmonized_system_codes": [],
        "weight_value": 0.4,
        "weight_unit": "kg",
        "admin_graphql_api_id": f"gid://shopify/InventoryItem/{item_id}",
    }


class Level(msgspec.Struct, frozen=True):
    """How many pieces of a variant lie at a location."""

    shop: SandboxShop
    product: int  # number in the catalogue
    position: int  # of the variant
    location_id: int
    available: int


def level_payload(level: Level, at: float) -> Payload:
    """Body of inventory_levels/update and inventory_levels/connect."""
    item_id = inventory_item_id(level.shop, level.product, level.position)
    return {
        "inventory_item_id": item_id,
        "location_id": level.location_id,
        "available": level.available,
        "updated_at": local_time(at, level.shop.offset_minutes),
        "admin_graphql_api_id": (
            f"gid://shopify/InventoryLevel/{level.location_id}?inventory_item_id={item_id}"
        ),
    }
