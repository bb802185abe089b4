"""Bodies of orders/*: one order through its life. What follows one is in ``followups.py``."""

import random

import msgspec

from avnu.sandbox.catalog import (
    price_cents,
    product_id,
    product_title,
    sku,
    variant_count,
    variant_id,
)
from avnu.sandbox.encoding import Payload, local_time, money, money_set, steady_id
from avnu.sandbox.shops import SandboxShop

_NAMES = ("Ada Byron", "Noor Haddad", "Lea Brandt", "Tom O'Neil", "Mei Tanaka", "Ana Souza")

SHIPPING_CENTS = 490


class Line(msgspec.Struct):
    """What was bought, a variant of the shop's catalogue, and what became of its pieces."""

    product: int  # number in the catalogue
    position: int  # variant
    quantity: int
    cents: int  # per piece
    fulfilled: int = 0
    refunded: int = 0

    @property
    def fulfillable(self) -> int:
        """Pieces that are still to be sent."""
        return max(0, self.quantity - self.fulfilled - self.refunded)

    @property
    def fulfillment_status(self) -> str | None:
        """As Shopify writes it."""
        if not self.fulfilled:
            return None
        return "fulfilled" if self.fulfilled >= self.quantity else "partial"


class Order(msgspec.Struct):
    """One order: what was bought, and how far it has come.

    ``refunds`` and ``fulfillments`` are bodies as they were last sent on their own.
    """

    shop: SandboxShop
    number: int
    created: float  # unix seconds
    lines: tuple[Line, ...]
    buyer: str
    financial_status: str = "pending"
    cancelled: float | None = None
    refunded_cents: int = 0
    refunds: list[Payload] = []
    fulfillments: list[Payload] = []

    @property
    def fulfillment_status(self) -> str | None:
        """As Shopify writes it, of all lines together."""
        every = {line.fulfillment_status for line in self.lines}
        return every.pop() if len(every) == 1 else "partial"

    @property
    def id(self) -> int:
        """64 bits, steady for the shop and the number."""
        return steady_id(self.shop.domain, "order", self.number)

    @property
    def subtotal_cents(self) -> int:
        """The lines, without shipping, before refunds."""
        return sum(line.cents * line.quantity for line in self.lines)

    @property
    def total_cents(self) -> int:
        """With shipping, before refunds."""
        return self.subtotal_cents + SHIPPING_CENTS


def new_order(rng: random.Random, shop: SandboxShop, number: int, at: float) -> Order:
    """An order of one to three lines, not yet paid."""
    lines = {}
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3))):
        product = rng.randrange(shop.products)
        position = rng.randrange(variant_count(shop, product))
        cents = price_cents(shop, product, 0)
        lines[product, position] = Line(product, position, rng.randint(1, 3), cents)
    return Order(shop, number, at, tuple(lines.values()), rng.choice(_NAMES))


def order_payload(order: Order, at: float) -> Payload:
    """The whole order at the moment ``at``; 3 to 5 kB encoded while nothing has followed it."""
    shop, subtotal, total = order.shop, order.subtotal_cents, order.total_cents
    current = total - order.refunded_cents
    first, _, last = order.buyer.partition(" ")
    home = address(order)
    email = f"{first.lower()}.{order.number}@example.com"
    return {
        "id": order.id,
        "admin_graphql_api_id": f"gid://shopify/Order/{order.id}",
        "buyer_accepts_marketing": False,
        "cancel_reason": "customer" if order.cancelled else None,
        "cancelled_at": order.cancelled and local_time(order.cancelled, shop.offset_minutes),
        "closed_at": None,
        "confirmed": True,
        "contact_email": email,
        "created_at": local_time(order.created, shop.offset_minutes),
        "currency": shop.currency,
        "current_total_price": money(current),
        "current_total_price_set": money_set(current, shop.currency),
        "customer_locale": "en",
        "discount_codes": [],
        "email": email,
        "financial_status": order.financial_status,
        "fulfillment_status": order.fulfillment_status,
        "name": f"#{order.number}",
        "note": None,
        "note_attributes": [],
        "number": order.number - 1000,
        "order_number": order.number,
        "order_status_url": f"https://{shop.domain}/{shop.id}/orders/{order.id:x}/status?key=a&l=en",
        "payment_gateway_names": ["shopify_payments"],
        "phone": None,
        "presentment_currency": shop.currency,
        "processed_at": local_time(order.created, shop.offset_minutes),
        "source_name": "web",
        "subtotal_price": money(subtotal),
        "subtotal_price_set": money_set(subtotal, shop.currency),
        "tags": "",
        "tax_lines": [],
        "taxes_included": False,
        "test": False,
        "token": f"{order.id:x}",
        "total_discounts": "0.00",
        "total_discounts_set": money_set(0, shop.currency),
        "total_line_items_price": money(subtotal),
        "total_outstanding": money(total) if order.financial_status == "pending" else "0.00",
        "total_price": money(total),
        "total_price_set": money_set(total, shop.currency),
        "total_shipping_price_set": money_set(SHIPPING_CENTS, shop.currency),
        "total_tax": "0.00",
        "total_tax_set": money_set(0, shop.currency),
        "total_tip_received": "0.00",
        "total_weight": 400,
        "updated_at": local_time(at, shop.offset_minutes),
        "user_id": None,
        "billing_address": home,
        "customer": {
            "id": steady_id(shop.domain, "customer", order.buyer),
            "created_at": local_time(order.created - 5_000_000, shop.offset_minutes),
            "updated_at": local_time(order.created, shop.offset_minutes),
            "first_name": first,
            "last_name": last,
            "state": "disabled",
            "verified_email": True,
            "email": email,
            "phone": None,
            "currency": shop.currency,
        },
        "discount_applications": [],
        "fulfillments": list(order.fulfillments),
        "line_items": [line_item(order, line) for line in order.lines],
        "payment_terms": None,
        "refunds": list(order.refunds),
        "shipping_address": home,
        "shipping_lines": [
            {
                "id": steady_id(order.id, "shipping"),
                "code": "standard",
                "discounted_price": money(SHIPPING_CENTS),
                "price": money(SHIPPING_CENTS),
                "source": "shopify",
                "title": "Standard & tracked",
                "tax_lines": [],
                "discount_allocations": [],
            }
        ],
    }


def line_id(order: Order, line: Line) -> int:
    """64 bits, steady for the order and the line."""
    return steady_id(order.id, line.product, line.position)


def line_item(order: Order, line: Line) -> Payload:
    """One line of the order, as orders, parcels and refunds repeat it."""
    shop, own_id = order.shop, line_id(order, line)
    title = product_title(shop, line.product)
    return {
        "id": own_id,
        "admin_graphql_api_id": f"gid://shopify/LineItem/{own_id}",
        "current_quantity": line.quantity - line.refunded,
        "fulfillable_quantity": line.fulfillable,
        "fulfillment_service": "manual",
        "fulfillment_status": line.fulfillment_status,
        "gift_card": False,
        "grams": 400,
        "name": title,
        "price": money(line.cents),
        "price_set": money_set(line.cents, shop.currency),
        "product_exists": True,
        "product_id": product_id(shop, line.product),
        "properties": [],
        "quantity": line.quantity,
        "requires_shipping": True,
        "sku": sku(line.product, line.position),
        "taxable": True,
        "title": title,
        "total_discount": "0.00",
        "total_discount_set": money_set(0, shop.currency),
        "variant_id": variant_id(shop, line.product, line.position),
        "variant_inventory_management": "shopify",
        "variant_title": None,
        "vendor": shop.name,
        "tax_lines": [],
        "duties": [],
        "discount_allocations": [],
    }


def address(order: Order) -> Payload:
    """Where the buyer lives and the parcel goes."""
    first, _, last = order.buyer.partition(" ")
    return {
        "first_name": first,
        "last_name": last,
        "name": order.buyer,
        "address1": f"{order.number % 90 + 1} Elm St.",
        "address2": None,
        "city": "Springfield",
        "zip": "37178",
        "province": None,
        "province_code": None,
        "country": order.shop.country,
        "country_code": order.shop.country_code,
        "phone": "555-625-1199",
        "company": None,
    }
