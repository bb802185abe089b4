"""A page of a comparison: asks Shopify and the database, changes nothing.

Raises what ``shop.reads`` raises, and StoreUnavailable.
"""

from datetime import datetime, timedelta

import msgspec

from avnu.reconcile.comparing import compare
from avnu.reconcile.resources import Reconciled, key_of, text_of
from avnu.shopify.reads import Seen
from avnu.store.market.changes import ResourceKind
from avnu.store.market.versions import Key, LevelKey
from avnu.webhook import Shop

# As many ids as one call can ask for. Levels are asked for item by item, at several points each: a
# page must not cost more than a shop's bucket holds, or it would never come to its end.
_SWEPT, _LEVELS_SWEPT = 250, 50

# Without the scope read_all_orders Shopify shows the orders of the last 60 days only, and calls any
# older one missing: taken for deletes, that would be all of a shop's past.
_ORDERS_SHOWN = timedelta(days=59)
_EVERY_ORDER = "read_all_orders"


class Found(msgspec.Struct, frozen=True):
    """What a page held. ``after``: where the next one begins; None: there is none."""

    after: str | None
    looked: int
    differing: tuple[Seen, ...] = ()
    in_doubt: tuple[Seen, ...] = ()
    gone: tuple[Key, ...] = ()


def look_for_changes(
    shop: Shop,
    resource: Reconciled,
    asked_from: datetime | None,
    cursor: str | None,
    left_from: datetime | None,
) -> Found:
    """What changed at Shopify since ``asked_from`` (None: ever), and before ``left_from``."""
    page = shop.reads.changed(resource.kind, asked_from, cursor)
    stamps = shop.market.stamps(shop.domain, resource.kind, [one.key for one in page.seen])
    differing, in_doubt = compare(page.seen, stamps, final=resource.final, left_from=left_from)
    return Found(page.after, len(page.seen), differing, in_doubt)


def look_for_deletes(
    shop: Shop, resource: Reconciled, cursor: str | None, created_since: datetime | None
) -> Found:
    """What the database has and Shopify has not. ``created_since``: only what is younger."""
    after = None if cursor is None else key_of(cursor)
    most = _LEVELS_SWEPT if resource.kind is ResourceKind.LEVEL else _SWEPT
    ours = shop.market.keys(
        shop.domain, resource.kind, after=after, most=most, created_since=created_since
    )
    there = _there(shop, resource.kind, ours) if ours else frozenset()
    gone = tuple(key for key in ours if key not in there)
    return Found(text_of(ours[-1]) if len(ours) == most else None, len(ours), gone=gone)


def swept_from(resource: Reconciled, scopes: tuple[str, ...], now: datetime) -> datetime | None:
    """Since when a resource must have been created for its absence to mean a delete; None: ever."""
    if resource.kind is not ResourceKind.ORDER or _EVERY_ORDER in scopes:
        return None
    return now - _ORDERS_SHOWN


def _there(shop: Shop, kind: ResourceKind, keys: list[Key]) -> frozenset[Key]:
    if kind is not ResourceKind.LEVEL:
        return frozenset(shop.reads.existing(kind, [key for key in keys if isinstance(key, int)]))
    items = {key.inventory_item_id for key in keys if isinstance(key, LevelKey)}
    stocked = shop.reads.levels(sorted(items)).values()
    return frozenset(level.key for levels in stocked for level in levels if not level.gone)
