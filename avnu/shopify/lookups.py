"""How each cached kind is asked for, and how a handler reads it: cache first, then the Admin API.

    product = lookups.get(kinds.PRODUCT, 5, at_least=version)
    products = lookups.get_many(kinds.PRODUCT, {5: version, 7: None})   # one call for all missing

To add a kind: its value and row in ``avnu/cache/``, its query in ``queries.py``, a row here.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

from avnu.cache import Cache, CachedKind, Loaded, kinds, values
from avnu.shopify import queries
from avnu.shopify.admin import Admin
from avnu.shopify.answers import sane
from avnu.shopify.query import NodesQuery, number_of

T = TypeVar("T")
N = TypeVar("N")
K = TypeVar("K", bound=Hashable)


class Lookups:
    """The cached look-ups of one shop. Raises what Admin raises, where no older value will do."""

    def __init__(self, admin: Admin, cache: Cache) -> None:
        self._admin = admin
        self._cache = cache

    def get(
        self,
        kind: CachedKind[T],
        id: int | str = "",  # noqa: A002 - Shopify's word
        *,
        at_least: int | None = None,
        ttl_s: float | None = None,
    ) -> T | None:
        """The value; None: there is no such thing. ``id`` is "" for what a shop has one of.

        ``at_least``: a version, see ``version_ms``; an older value is not taken. ``ttl_s``: how old
        it may be, in place of the kind's own lifetime.
        """
        return self._cache.get(
            kind,
            self._admin.shop,
            id,
            lambda: self._load(kind, id),
            at_least=at_least,
            ttl_s=ttl_s,
            until_s=self._admin.until_s,
        )

    def get_many(
        self, kind: CachedKind[T], wanted: Mapping[K, int | None], *, ttl_s: float | None = None
    ) -> dict[K, T | None]:
        """Values by id; all that miss are asked for together. ``wanted``: id → least version."""
        loader: BatchLoader[Any, T] = BATCH_LOADERS[kind.name]
        ids = list(wanted)
        found: dict[K, T | None] = {}
        # As many at once as one query holds: each is kept before the next may find no points left.
        for start in range(0, len(ids), loader.query.most):
            some = {one: wanted[one] for one in ids[start : start + loader.query.most]}
            values: dict[K, T | None] = self._cache.get_many(
                kind,
                self._admin.shop,
                some,
                lambda missing: loader.load(self._admin, missing),
                ttl_s=ttl_s,
                until_s=self._admin.until_s,
            )
            found |= values
        return found

    def forget(self, kind: CachedKind[T], ids: Iterable[int | str] | None = None) -> None:
        """What is cached of these is outdated, in every process; without ids all of the kind.

        To be called before a changed thing is fetched, and after a change was committed.
        """
        tags = [kind.tag()] if ids is None else [kind.tag(one) for one in ids]
        if tags:
            self._cache.invalidate(self._admin.shop, tags)

    def _load(self, kind: CachedKind[T], id: int | str) -> Loaded[T]:  # noqa: A002 - Shopify's word
        batch = BATCH_LOADERS.get(kind.name)
        if batch is not None:
            return batch.load(self._admin, [id]).get(id, Loaded(None))
        with sane(self._admin.shop):
            return SINGLE_LOADERS[kind.name](self._admin)


def version_ms(updated_at: str | datetime | None) -> int:
    """A thing's version: its ``updated_at`` in unix ms; 0 where it is not known."""
    if updated_at is None:
        return 0
    at = datetime.fromisoformat(updated_at) if isinstance(updated_at, str) else updated_at
    return int(at.timestamp() * 1000)


# ---- kinds of which a shop has one


def _shop(admin: Admin) -> Loaded[values.ShopProfile]:
    shop = admin.query(queries.SHOP).shop
    return Loaded(
        values.ShopProfile(
            name=shop.name,
            plan=shop.plan.public_display_name,
            currency=shop.currency_code,
            timezone=shop.iana_timezone,
            country=(shop.billing_address and shop.billing_address.country_code_v2) or "",
            primary_domain=shop.primary_domain.host,
        )
    )


def _locations(admin: Admin) -> Loaded[tuple[values.Location, ...]]:
    nodes = admin.pages(queries.LOCATIONS, lambda data: data.locations)
    return Loaded(
        tuple(
            values.Location(
                id=number_of(node.id),
                name=node.name,
                active=node.is_active,
                fulfils_online_orders=node.fulfills_online_orders,
            )
            for node in nodes
        )
    )


def _subscriptions(admin: Admin) -> Loaded[tuple[values.Subscription, ...]]:
    nodes = admin.pages(queries.SUBSCRIPTIONS, lambda data: data.webhook_subscriptions)
    return Loaded(
        tuple(
            values.Subscription(
                id=number_of(node.id),
                topic=node.topic,
                address=node.uri,
                api_version=node.api_version.handle if node.api_version else "",
            )
            for node in nodes
        )
    )


SINGLE_LOADERS: Mapping[str, Callable[[Admin], Loaded[Any]]] = {
    kinds.SHOP.name: _shop,
    kinds.LOCATIONS.name: _locations,
    kinds.SUBSCRIPTIONS.name: _subscriptions,
}


# ---- kinds that are looked up by id, many at once


class BatchLoader(msgspec.Struct, Generic[N, T], frozen=True):
    """How values of one kind are made from the nodes of one query."""

    query: NodesQuery[N]
    value: Callable[[N], T]
    version: Callable[[N], int]

    def load(self, admin: Admin, ids: Sequence[Any]) -> dict[Any, Loaded[T]]:
        """What Shopify has of ``ids``; what it does not have is missing."""
        found = admin.nodes(self.query, [int(one) for one in ids])
        with sane(admin.shop):
            return {
                one: Loaded(self.value(found[int(one)]), self.version(found[int(one)]))
                for one in ids
                if int(one) in found
            }


def _product(node: queries.ProductNode) -> values.Product:
    return values.Product(
        id=number_of(node.id),
        title=node.title,
        handle=node.handle,
        status=node.status,
        vendor=node.vendor,
        product_type=node.product_type,
        updated_at=node.updated_at,
    )


def _variant(node: queries.VariantNode) -> values.Variant:
    return values.Variant(
        id=number_of(node.id),
        product_id=number_of(node.product.id),
        title=node.title,
        sku=node.sku,
        barcode=node.barcode,
        price=node.price,
        inventory_item_id=number_of(node.inventory_item.id) if node.inventory_item else None,
        inventory_quantity=node.inventory_quantity,
        updated_at=node.updated_at,
    )


BATCH_LOADERS: Mapping[str, BatchLoader[Any, Any]] = {
    kinds.PRODUCT.name: BatchLoader(
        queries.PRODUCTS, _product, lambda node: version_ms(node.updated_at)
    ),
    kinds.VARIANT.name: BatchLoader(
        queries.VARIANTS, _variant, lambda node: version_ms(node.updated_at)
    ),
}
