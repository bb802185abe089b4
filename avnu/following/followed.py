"""What is followed, and what a webhook tells of it."""

import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar

from avnu.shopify.reads import Reads
from avnu.store.market.changes import ResourceKind
from avnu.store.market.market import Market
from avnu.store.market.outcomes import Written
from avnu.store.market.versions import Key, Standing
from avnu.webhook import Shop, Webhook

K = TypeVar("K", bound=Key)

Put = Callable[[Market, str, Iterable[Any]], Written[Any]]
"""Writes versions of a shop, as ``Market.put_products`` does."""


def _not_cached(shop: Shop, keys: Collection[Any]) -> None:
    """Nothing of this resource is kept in the cache."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Followed(Generic[K]):
    """How one kind of resource is written, read, confirmed and deleted.

    ``name`` is that of its counters, ``missed:<name>`` and ``asked:<name>``. ``read`` answers part
    by part, None for what Shopify does not have, and may tell more than was asked for. ``forget``
    drops what is cached. ``named``: it has an id, by which Shopify says whether it exists; what
    has none is read for that, and may come back after a delete. ``hidden``: Shopify does not show
    all that it has, so only the webhook of a delete, confirmed, deletes.
    """

    name: str
    kind: ResourceKind
    put: Put
    read: Callable[[Reads, Collection[K]], Iterable[Mapping[K, Any]]]
    delete: Callable[[Market, str, Iterable[K], datetime], Written[K]]
    forget: Callable[[Shop, Collection[K]], None] = _not_cached
    named: bool = True
    hidden: bool = False


@dataclasses.dataclass(frozen=True, repr=False)
class Told(Generic[K]):
    """What a webhook tells: ``key`` names what to read where that does not suffice.

    ``version`` is that of ``key``, or of a part that has versions of its own, as a refund of an
    order; None: the body does not say.
    """

    webhook: Webhook
    key: K
    version: Standing | None = None

    @property
    def written_as(self) -> Any:
        """What names the version in ``Written``."""
        return getattr(self.version, "key", None)


def at_once(keys: Iterable[K], found: Mapping[K, Any]) -> list[Mapping[K, Any]]:
    """What was read by one call, as the one part that it is."""
    return [{key: found.get(key) for key in keys}]
