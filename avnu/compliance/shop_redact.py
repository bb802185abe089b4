"""shop/redact: all of a shop is deleted, 48 hours after it uninstalled the app."""

import logging
from collections.abc import Callable

from sqlalchemy import Table, delete, select

from avnu.compliance.ledger import NOT_CARRIED_OUT, Request
from avnu.compliance.places import Places, waiting
from avnu.errors import Park
from avnu.logs import about
from avnu.shopify.topics import topic_for
from avnu.store.database import Store
from avnu.store.market import tables as market_tables
from avnu.store.tables import compliance_requests, metadata, redacted_customers, shops

log = logging.getLogger(__name__)

# A run that holds a webhook of the shop ends soon, and may have written.
_AGAIN_S = 5.0

Tokens = tuple[str | None, ...]


def forget_shop(places: Places, request: Request, has_app: Callable[[], bool]) -> None:
    """Delete all of a shop, unless it has the app again, which ``has_app`` asks Shopify.

    Raises Park, and is to be called again, while a run holds a webhook of the shop: what it writes
    afterwards is deleted then.
    """
    ledger, shop, id_ = places.ledger, request.shop, request.id
    tokens = _tokens_of(places.store, shop)
    if any(tokens) and has_app():
        ledger.done(shop, id_, **{NOT_CARRIED_OUT: "the shop has the app again"})
        log.warning("shop/redact not carried out, the shop has the app", extra=about(shop=shop))
        return
    _remove_shop(places.store, shop, tokens)
    held_in = _erase_webhooks(places, request)
    places.put_away(shop)
    with waiting():
        places.traces.delete_shop(shop)
    rows = places.market.forget_shop(shop) + _forget_rows(places.store, shop)
    ledger.add(shop, id_, rows_deleted=rows)
    for one in ledger.every(shop=shop):
        if one.export is not None:
            places.remove_export(one, request)
    ledger.forget_customers(shop, but=id_)
    if held_in:
        raise Park("erasing", _AGAIN_S, f"{shop}: a run still holds a webhook of it")
    ledger.done(shop, id_)
    log.info("shop redacted", extra=about(shop=shop, request=id_))


def _erase_webhooks(places: Places, request: Request) -> set[str]:
    """Areas in which a run holds one; not its own area, where they are beside it in its own run."""
    with waiting():
        done = places.bodies.erase(request.shop, but=request.id)
    places.ledger.add(
        request.shop,
        request.id,
        webhooks_deleted=done.webhooks,
        kept_bodies_deleted=done.kept,
    )
    topic = topic_for(request.topic)
    return set(done.held_in) - {topic.area if topic else ""}


def _tokens_of(store: Store, shop: str) -> Tokens:
    """Sealed; () for a shop that is not there."""
    query = select(shops.c.access_token, shops.c.refresh_token).where(shops.c.domain == shop)
    with store.reading() as connection:
        row = connection.execute(query).one_or_none()
    return () if row is None else tuple(row)


def _remove_shop(store: Store, shop: str, tokens: Tokens) -> None:
    """Unless it was given other tokens since it was asked about."""
    if not tokens:
        return
    columns = (shops.c.access_token, shops.c.refresh_token)
    same = [one.is_not_distinct_from(value) for one, value in zip(columns, tokens, strict=True)]
    with store.writing() as connection:
        gone = connection.execute(delete(shops).where(shops.c.domain == shop, *same)).rowcount
    if not gone:
        raise Park("erasing", _AGAIN_S, f"{shop} has other tokens than a moment ago")


def _forget_rows(store: Store, shop: str) -> int:
    rows = 0
    for table in tables_of_shops():
        with store.writing() as connection:
            rows += connection.execute(delete(table).where(table.c.shop == shop)).rowcount
    return rows


def tables_of_shops() -> list[Table]:
    """Tables with rows of shops, but for the market's, which go by themselves, and the ledger's."""
    apart = {*market_tables.EVERY, compliance_requests, redacted_customers}
    return [table for table in metadata.sorted_tables if "shop" in table.c and table not in apart]
