"""The table of what is cached: type, lifetimes and tags of each kind.

To add a kind: a struct in ``values.py`` and a row here. ``fresh_s`` is how long a value is served
without asking; until ``keep_s`` it is served when loading fails, or while another loads.
Every entry is tagged with its kind and with ``<kind>:<id>``; ``tags`` adds what its value tells.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

from avnu.cache.values import Location, Page, Product, ShopProfile, Subscription, Variant

T = TypeVar("T")

MINUTE_S = 60
HOUR_S = 3600
DAY_S = 86400


def _no_tags(value: Any) -> tuple[str, ...]:  # noqa: ARG001 - has the shape of CachedKind.tags
    return ()


class CachedKind(msgspec.Struct, Generic[T], frozen=True):
    """One kind of value: ``holds`` is its type; lifetimes in seconds. ``name`` stands in keys."""

    name: str
    holds: Any
    fresh_s: float
    keep_s: float
    tags: Callable[[T], tuple[str, ...]] = _no_tags
    schema: int = 1  # grows when old entries must not be read as new ones

    def tag(self, id: object = "") -> str:  # noqa: A002 - Shopify's word
        """The tag of one entry, ``product:5``; without an id the tag of all of the shop's."""
        return f"{self.name}:{id}" if id != "" else self.name


def _of_product(variant: Variant) -> tuple[str, ...]:
    return (PRODUCT.tag(variant.product_id),)


SHOP: CachedKind[ShopProfile] = CachedKind("shop", ShopProfile, 10 * MINUTE_S, DAY_S)
LOCATIONS: CachedKind[tuple[Location, ...]] = CachedKind(
    "locations", tuple[Location, ...], 15 * MINUTE_S, DAY_S
)
PRODUCT: CachedKind[Product] = CachedKind("product", Product, 5 * MINUTE_S, 6 * HOUR_S, schema=2)
VARIANT: CachedKind[Variant] = CachedKind("variant", Variant, 5 * MINUTE_S, 6 * HOUR_S, _of_product)
SUBSCRIPTIONS: CachedKind[tuple[Subscription, ...]] = CachedKind(
    "subscriptions", tuple[Subscription, ...], 5 * MINUTE_S, HOUR_S
)
# Of one version of what it belongs to, so it does not change any more.
PAGE: CachedKind[Page] = CachedKind("page", Page, HOUR_S, 2 * HOUR_S)

KINDS: dict[str, CachedKind[Any]] = {
    kind.name: kind for kind in (SHOP, LOCATIONS, PRODUCT, VARIANT, SUBSCRIPTIONS, PAGE)
}
