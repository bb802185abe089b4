"""The shops of the sandbox: a few large, many small, as in any marketplace."""

import random

import msgspec

from avnu.sandbox.chance import chance
from avnu.sandbox.encoding import Payload, local_time, steady_id

#: A shop's weight is 1 / rank ** ZIPF: the largest of 25 shops makes a quarter of the traffic.
ZIPF = 1.1

#: Products of the largest shop; the others follow the same law, down to FEWEST_PRODUCTS.
MOST_PRODUCTS = 40_000
FEWEST_PRODUCTS = 8

_FIRST = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "harbour", "iris")
_SECOND = ("lamps", "goods", "tea", "cycles", "paper", "ceramics", "outdoor", "kitchen", "vinyl")
_PLACES = (
    # country, code, currency, UTC offset in minutes, timezone
    ("United States", "US", "USD", -300, "America/New_York"),
    ("United Kingdom", "GB", "GBP", 0, "Europe/London"),
    ("Germany", "DE", "EUR", 60, "Europe/Berlin"),
    ("India", "IN", "INR", 330, "Asia/Kolkata"),
    ("Canada", "CA", "CAD", -480, "America/Vancouver"),
)


class SandboxShop(msgspec.Struct, frozen=True):
    """One shop: who it is, how large it is, where it stands."""

    domain: str  # "amber-lamps-1.myshopify.com"
    name: str
    id: int
    weight: float  # share of the traffic, relative to the other shops
    products: int
    locations: tuple[int, ...]
    country: str
    country_code: str
    currency: str
    offset_minutes: int
    timezone: str


def make_shops(seed: int, count: int) -> tuple[SandboxShop, ...]:
    """``count`` shops, largest first; the same for the same seed."""
    if count < 1:
        raise ValueError("a sandbox needs at least one shop")
    rng = chance(f"shops:{seed}")
    return tuple(_make_shop(rng, seed, rank) for rank in range(1, count + 1))


def shop_named(domain: str) -> SandboxShop:
    """A middling shop of this domain, for webhooks made by hand."""
    return SandboxShop(
        domain=domain,
        name=domain.partition(".")[0].replace("-", " ").title(),
        id=steady_id(domain),
        weight=1.0,
        products=100,
        locations=(steady_id(domain, "location", 0),),
        country="United States",
        country_code="US",
        currency="USD",
        offset_minutes=-300,
        timezone="America/New_York",
    )


def _make_shop(rng: random.Random, seed: int, rank: int) -> SandboxShop:
    first, second = rng.choice(_FIRST), rng.choice(_SECOND)
    domain = f"{first}-{second}-{seed % 100_000}-{rank}.myshopify.com"
    country, code, currency, offset_minutes, zone = rng.choice(_PLACES)
    share = 1 / rank**ZIPF
    return SandboxShop(
        domain=domain,
        name=f"{first} {second}".title(),
        id=steady_id(domain),
        weight=share,
        products=max(FEWEST_PRODUCTS, int(MOST_PRODUCTS * share)),
        locations=tuple(steady_id(domain, "location", n) for n in range(1 + (rank < 4))),
        country=country,
        country_code=code,
        currency=currency,
        offset_minutes=offset_minutes,
        timezone=zone,
    )


def shop_payload(shop: SandboxShop, at: float) -> Payload:
    """The Shop resource, body of shop/update and app/uninstalled; ``at`` is its version."""
    city = "Springfield"
    return {
        "id": shop.id,
        "name": shop.name,
        "email": f"owner@{shop.domain}",
        "domain": shop.domain.replace(".myshopify.com", ".example.com"),
        "province": None,
        "country": shop.country_code,
        "address1": "190 Market Street",
        "zip": "37178",
        "city": city,
        "source": None,
        "phone": "3213213210",
        "latitude": None,
        "longitude": None,
        "primary_locale": "en",
        "address2": None,
        "created_at": local_time(at - 90_000_000, shop.offset_minutes),
        "updated_at": local_time(at, shop.offset_minutes),
        "country_code": shop.country_code,
        "country_name": shop.country,
        "currency": shop.currency,
        "customer_email": f"help@{shop.domain}",
        "timezone": f"({shop.timezone}) {city} & region",
        "iana_timezone": shop.timezone,
        "shop_owner": "Robin Miller",
        "money_format": "{{amount}}",
        "money_with_currency_format": "{{amount}} " + shop.currency,
        "weight_unit": "kg",
        "province_code": None,
        "taxes_included": False,
        "plan_display_name": "Basic" if shop.products < 1000 else "Shopify Plus",
        "plan_name": "basic" if shop.products < 1000 else "shopify_plus",
        "has_discounts": False,
        "has_gift_cards": True,
        "myshopify_domain": shop.domain,
        "eligible_for_payments": True,
        "password_enabled": False,
        "has_storefront": True,
        "finances": True,
        "primary_location_id": shop.locations[0],
        "checkout_api_supported": True,
        "multi_location_enabled": len(shop.locations) > 1,
        "setup_required": False,
        "pre_launch_enabled": False,
        "enabled_presentment_currencies": [shop.currency],
    }


def location_payload(shop: SandboxShop, location_id: int, at: float) -> Payload:
    """A place of the shop that holds stock."""
    return {
        "id": location_id,
        "name": f"{shop.name} Warehouse",
        "address1": "34 Dock Road",
        "address2": None,
        "city": "Springfield",
        "zip": "37178",
        "province": None,
        "country": shop.country_code,
        "phone": "555-555-5555",
        "created_at": local_time(at - 80_000_000, shop.offset_minutes),
        "updated_at": local_time(at, shop.offset_minutes),
        "country_code": shop.country_code,
        "country_name": shop.country,
        "province_code": None,
        "legacy": False,
        "active": True,
        "admin_graphql_api_id": f"gid://shopify/Location/{location_id}",
    }
