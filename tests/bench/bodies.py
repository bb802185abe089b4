"""Payloads: a product as Shopify has it, and one small topic of each other area."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).parents[1] / "fixtures" / "payloads"
VARIANTS = 4

# Stand in the templates for what differs from one webhook to the next; never part of real data.
_NUMBER = 8_888_888_888_888
_SHOP = "placeholder.myshopify.com"


@dataclass(frozen=True)
class Body:
    """The payload of one topic; each rendering is another resource, so that nothing coalesces."""

    topic: str
    template: bytes

    def render(self, shop: str, number: int) -> bytes:
        """The payload for a shop; the number has 13 digits and is in the resource's id."""
        body = self.template.replace(b"%d" % _NUMBER, b"%d" % number)
        return body.replace(_SHOP.encode(), shop.encode())


def product() -> Body:
    """A products/update of 2.8 kB with 4 variants."""
    return Body("products/update", _compact(_product()))


def of_other_areas() -> list[Body]:
    """One topic of each area beside products, 0.2 to 1 kB."""
    fulfillment = _fixture("fulfillments/update") | {"id": _NUMBER}
    level = _fixture("inventory_levels/update") | {"inventory_item_id": _NUMBER}
    scopes = _fixture("app/scopes_update") | {"id": _NUMBER}
    request = _fixture("customers/data_request")
    request |= {"shop_domain": _SHOP, "data_request": {"id": _NUMBER}}
    return [
        Body("fulfillments/update", _compact(fulfillment)),
        Body("inventory_levels/update", _compact(level)),
        Body("app/scopes_update", _compact(scopes)),
        Body("customers/data_request", _compact(request)),
    ]


def _fixture(topic: str) -> dict[str, Any]:
    text = (FIXTURES / f"{topic.replace('/', '__')}.json").read_text()
    return dict(json.loads(text))


def _compact(payload: dict[str, Any]) -> bytes:
    return json.dumps(payload, separators=(",", ":")).encode()


def _product() -> dict[str, Any]:
    product_id = _NUMBER
    return {
        "admin_graphql_api_id": f"gid://shopify/Product/{product_id}",
        "body_html": "<p>A shirt of heavy cotton, cut wide, washed once, and dyed in small lots. "
        "The colour may differ a little from one lot to the next.</p>",
        "created_at": "2026-03-02T09:15:04-05:00",
        "handle": f"heavy-shirt-{product_id}",
        "id": product_id,
        "product_type": "Shirts",
        "published_at": "2026-03-02T09:15:05-05:00",
        "template_suffix": None,
        "title": "Heavy shirt",
        "updated_at": "2026-11-20T17:42:31-05:00",
        "vendor": "Acme",
        "status": "active",
        "published_scope": "web",
        "tags": "cotton, heavy, shirt",
        "variants": [_variant(product_id, position) for position in range(1, VARIANTS + 1)],
        "options": [
            {
                "name": "Size",
                "id": product_id * 10,
                "product_id": product_id,
                "position": 1,
                "values": ["S", "M", "L", "XL"],
            }
        ],
        "images": [],
        "image": None,
        "media": [],
        "variant_gids": [],
        "has_variants_that_requires_components": False,
        "category": None,
    }


def _variant(product_id: int, position: int) -> dict[str, Any]:
    # The digits of the product's id begin the variant's: one replacement makes both distinct.
    variant_id = product_id * 10 + position
    return {
        "admin_graphql_api_id": f"gid://shopify/ProductVariant/{variant_id}",
        "barcode": None,
        "compare_at_price": "249.99",
        "created_at": "2026-03-02T09:15:04-05:00",
        "id": variant_id,
        "inventory_policy": "deny",
        "position": position,
        "price": "199.00",
        "product_id": product_id,
        "sku": f"HS-{variant_id}",
        "taxable": True,
        "title": f"Size {position}",
        "updated_at": "2026-11-20T17:42:31-05:00",
        "option1": f"Size {position}",
        "option2": None,
        "option3": None,
        "image_id": None,
        "inventory_item_id": variant_id * 10,
        "inventory_quantity": 75,
        "old_inventory_quantity": 74,
    }
