"""The shops of the sandbox: a few large, many small, as in any marketplace."""

import random

import msgspec

from avnu.sandbox.chance import chance
from avnu.sandbox.encoding import Payload, local_time, steady_id

#: A shop's weight is 1 / rank ** ZIPF: the largest of 25 shops makes a quarter of the traffic.
ZIPF = 1.1

FEWEST_PRODUCTS = 8

#: What nobody has touched since has its times in the year after this one: 2024-01-01.
LONG_AGO = 1_704_067_200.0
_YEAR_S = 31_536_000

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


class Sizes(msgspec.Struct, frozen=True):
    """How large the largest shop is; the others follow the same law, down to FEWEST_PRODUCTS.

    ``most_variants``: of its first product, as a product may have up to 2,000 (2026-07).
    """

    most_products: int = 40_000
    most_variants: int = 120

    def __post_init__(self) -> None:
        if self.most_products < FEWEST_PRODUCTS:
            raise ValueError(f"the largest shop has at least {FEWEST_PRODUCTS} products")
        if not 1 <= self.most_variants <= MOST_VARIANTS:
            raise ValueError(f"a product has 1 to {MOST_VARIANTS} variants")


MOST_VARIANTS = 2_000
USUAL_SIZES = Sizes()


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
    most_variants: int = 0  # of its first product; 0: that is like any other


def make_shops(seed: int, count: int, sizes: Sizes = USUAL_SIZES) -> tuple[SandboxShop, ...]:
    """``count`` shops, largest first; the same for the same seed."""
    if count < 1:
        raise ValueError("a sandbox needs at least one shop")
    rng = chance(f"shops:{seed}")
    return tuple(_make_shop(rng, seed, rank, sizes) for rank in range(1, count + 1))


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


def _make_shop(rng: random.Random, seed: int, rank: int, sizes: Sizes) -> SandboxShop:
    first, second = rng.choice(_FIRST), rng.choice(_SECOND)
    domain = f"{first}-{second}-{seed % 100_000}-{rank}.myshopify.com"
    country, code, currency, offset_minutes, zone = rng.choice(_PLACES)
    share = 1 / rank**ZIPF
    return SandboxShop(
        domain=domain,
        name=f"{first} {second}".title(),
        id=steady_id(domain),
        weight=share,
        products=max(FEWEST_PRODUCTS, int(sizes.most_products * share)),
        locations=tuple(steady_id(domain, "location", n) for n in range(1 + (rank < 4))),
        country=country,
        country_code=code,
        currency=currency,
        offset_minutes=offset_minutes,
        timezone=zone,
        most_variants=sizes.most_variants if rank == 1 else 0,
    )


def untouched_at(own_id: int) -> float:
    """When a resource last changed that nobody has touched in the days that are played."""
    return LONG_AGO + own_id % _YEAR_S


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
        "created_at": local_time(LONG_AGO - 90_000_000, shop.offset_minutes),
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


def location_payload(
    shop: SandboxShop,
    location_id: int,
    at: float,
    *,
    active: bool = True,
    created: float = LONG_AGO - 80_000_000,
) -> Payload:
    """A place of the shop that holds stock, as it is since ``at``."""
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
        "created_at": local_time(created, shop.offset_minutes),
        "updated_at": local_time(at, shop.offset_minutes),
        "country_code": shop.country_code,
        "country_name": shop.country,
        "province_code": None,
        "legacy": False,
        "active": active,
        "admin_graphql_api_id": f"gid://shopify/Location/{location_id}",
    }
