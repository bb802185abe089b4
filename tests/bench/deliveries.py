"""Webhooks as Shopify sends them, signed and rendered to bytes before any clock runs."""

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from random import Random
from typing import NamedTuple

SECRET = "bench-secret"
TOPIC = "products/update"
FIRST_PRODUCT = 7_000_000_000_001
VARIANTS = 4

_PLACEHOLDER = "8888888888888"
_HEAD = (
    "POST /webhooks/shopify HTTP/1.1\r\n"
    "Host: 127.0.0.1\r\n"
    "User-Agent: Shopify-Captain-Hook\r\n"
    "Accept: */*\r\n"
    "Accept-Encoding: gzip;q=1.0,deflate;q=0.6,identity;q=0.3\r\n"
    "Content-Type: application/json\r\n"
    f"X-Shopify-Topic: {TOPIC}\r\n"
    "X-Shopify-API-Version: 2026-07\r\n"
    "X-Shopify-Shop-Domain: {shop}\r\n"
    "X-Shopify-Webhook-Id: {webhook_id}\r\n"
    "X-Shopify-Event-Id: {event_id}\r\n"
    "X-Shopify-Triggered-At: {triggered_at}\r\n"
    "X-Shopify-Hmac-Sha256: {signature}\r\n"
    "Content-Length: {length}\r\n"
    "\r\n"
)


class Delivery(NamedTuple):
    """One signed request: whose it is, its webhook id, and the bytes for the socket."""

    shop: str
    webhook_id: str
    request: bytes


def spread_over(shops: int) -> Callable[[int], str]:
    """Names shop n of a number of shops: deliveries go round them."""
    return lambda n: f"bench-{n % shops:05d}.myshopify.com"


def only(shop: str) -> Callable[[int], str]:
    """Names one and the same shop for every delivery."""
    return lambda _: shop


def render(count: int, shop_of: Callable[[int], str], seed: str) -> list[Delivery]:
    """`count` deliveries of distinct products, bodies and ids; the same seed gives the same ones.

    Another seed gives other products and other ids, so that nothing is a duplicate of it.
    """
    return list(_deliveries(count, shop_of, Random(seed)))


def _deliveries(count: int, shop_of: Callable[[int], str], random: Random) -> Iterator[Delivery]:
    template = json.dumps(_product(), separators=(",", ":")).encode()
    placeholder = _PLACEHOLDER.encode()
    first = FIRST_PRODUCT + random.randrange(1_000) * 1_000_000_000
    triggered_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    for n in range(count):
        shop, webhook_id = shop_of(n), _uuid(random)
        body = template.replace(placeholder, b"%d" % (first + n))
        signature = base64.b64encode(hmac.digest(SECRET.encode(), body, hashlib.sha256)).decode()
        head = _HEAD.format(
            shop=shop,
            webhook_id=webhook_id,
            event_id=_uuid(random),
            triggered_at=triggered_at,
            signature=signature,
            length=len(body),
        )
        yield Delivery(shop, webhook_id, head.encode() + body)


def _uuid(random: Random) -> str:
    return str(uuid.UUID(int=random.getrandbits(128), version=4))


def _product() -> dict[str, object]:
    product_id = int(_PLACEHOLDER)
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


def _variant(product_id: int, position: int) -> dict[str, object]:
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
