"""What changed since a time, page by page. A page is named so that another process can go on.

A listing that is resumed after hours may be refused (``CallRefused``), as cursors are Shopify's;
it is then begun anew.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from avnu.errors import UnreadableAnswer
from avnu.shopify.admin import Admin
from avnu.shopify.answers import sane
from avnu.shopify.query import PageInfo, Query
from avnu.shopify.reads.queries import listings
from avnu.shopify.reads.queries.listings import Changed, Listing
from avnu.shopify.reads.values import id_of
from avnu.store.market.changes import ResourceKind
from avnu.store.market.versions import Key, LevelKey


class Seen(msgspec.Struct, frozen=True):
    """A resource that Shopify names, and the version that it has there."""

    key: Key
    updated_at: datetime


class Page(msgspec.Struct, frozen=True):
    """Some of what changed. ``after``: where the next page begins; None: there is none.

    A page may be empty and not the last.
    """

    seen: tuple[Seen, ...]
    after: str | None


class _Place(msgspec.Struct, frozen=True, array_like=True):
    """Where a listing of levels goes on: Shopify's cursors of the location before, and in it."""

    location: str | None = None
    level: str | None = None


SORTED = {
    ResourceKind.PRODUCT: listings.PRODUCTS,
    ResourceKind.ORDER: listings.ORDERS,
    ResourceKind.ITEM: listings.ITEMS,
}


def changed(admin: Admin, kind: ResourceKind, since: datetime | None, after: str | None) -> Page:
    """A page; ``after`` is the former one's. Raises ValueError for a kind that has no listing."""
    if kind is ResourceKind.LEVEL:
        return _levels(admin, since, after)
    if kind is ResourceKind.LOCATION:
        return _locations(admin, since)
    if kind not in SORTED:
        raise ValueError(f"Shopify lists no changed {kind}")
    return _listed(admin, SORTED[kind], since, after)


def _listed(admin: Admin, query: Query[Listing], since: datetime | None, after: str | None) -> Page:
    page = admin.query(query, after=after, search=_search(since)).page
    return Page(_seen(admin, page.nodes), _next(admin, query.name, page.page_info, after))


def _locations(admin: Admin, since: datetime | None) -> Page:
    """All pages at once, as Shopify sorts locations by no time: most shops have a handful."""
    every = _seen(admin, admin.pages(listings.LOCATIONS, lambda data: data.page))
    wanted = [one for one in every if since is None or one.updated_at >= _second(since)]
    return Page(tuple(sorted(wanted, key=lambda one: (one.updated_at, str(one.key)))), None)


def _levels(admin: Admin, since: datetime | None, after: str | None) -> Page:
    """Of one location at a time, by the order of their ids."""
    here = _Place() if after is None else _place(after)
    page = admin.query(
        listings.LEVELS, location=here.location, after=here.level, search=_search(since)
    ).page
    if not page.nodes:
        return Page((), None)
    location = page.nodes[0]
    levels, name = location.inventory_levels, listings.LEVELS.name
    with sane(admin.shop):
        seen = tuple(
            Seen(LevelKey(id_of(one.item.id), id_of(location.id)), one.updated_at)
            for one in levels.nodes
        )
    more = _next(admin, name, levels.page_info, here.level)
    if more is not None:
        return Page(seen, _named(_Place(here.location, more)))
    following = _next(admin, name, page.page_info, here.location)
    return Page(seen, None if following is None else _named(_Place(following)))


def _seen(admin: Admin, nodes: Iterable[Changed]) -> tuple[Seen, ...]:
    with sane(admin.shop):
        return tuple(Seen(id_of(node.id), node.updated_at) for node in nodes)


def _next(admin: Admin, query: str, info: PageInfo, after: str | None) -> str | None:
    """The next page's cursor; a list whose pages have no end is nonsense."""
    if not info.has_next_page:
        return None
    if info.end_cursor is None or info.end_cursor == after:
        raise UnreadableAnswer(admin.shop, f"the pages of {query} have no end")
    return info.end_cursor


def _search(since: datetime | None) -> str | None:
    """In Shopify's search syntax; whole seconds, as Shopify counts no finer."""
    if since is None:
        return None
    return f"updated_at:>='{_second(since):%Y-%m-%dT%H:%M:%SZ}'"


def _second(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)


def _named(place: _Place) -> str:
    return msgspec.json.encode(place).decode()


def _place(after: str) -> _Place:
    try:
        return msgspec.json.decode(after, type=_Place)
    except msgspec.DecodeError as fault:
        raise ValueError("not where a listing of levels goes on") from fault
