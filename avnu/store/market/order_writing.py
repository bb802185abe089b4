"""Orders, and what comes both inside them and alone: refunds and shipments.

Each of the three has its own version, so they may come in any order and the end is the same. The
order's row is what they meet at: it is made for a refund that comes first, locked by whoever
writes anything of the order, and as a tombstone it turns late ones away.

Whoever writes an order looks at the ledger of redacted customers in the same transaction
(``redacted``): an order of one of them is cut off before it is written.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import delete, select, update

from avnu.store.market import tables, upsert
from avnu.store.market.batches import Transaction, Wrote, bury, write
from avnu.store.market.changes import Change, What
from avnu.store.market.families import FULFILLMENTS, ORDERS, REFUNDS, Family
from avnu.store.market.outcomes import Choice, Outcome, Stamped, choose
from avnu.store.market.redacted import note_late, require_nobody, shut_out_among
from avnu.store.market.versions import Fulfillment, Key, Order, Refund


class OrderRow(NamedTuple):
    """What a refund or a shipment needs to know of its order."""

    deleted: bool
    redacted: bool


def write_orders(
    to: Transaction, choices: Sequence[Choice[Order]], subjects: Mapping[int, str] | None
) -> Wrote:
    """Puts orders, and all refunds and shipments that any version of them names.

    Also those of an order that is not written: each is guarded by its own version. ``subjects``:
    of the customers, by their ids; None: nobody knows them, and none may be redacted in the shop.
    """
    unwanted = _cut_off_unwanted(to, choices, subjects)
    wrote = write(to, ORDERS, [choice.newest for choice in choices])
    alive = [one for one in choices if wrote.outcomes[one.newest.key] is not Outcome.GONE]
    versions = [version for choice in alive for version in choice.every]
    refunds = choose(refund for version in versions for refund in version.refunds)
    shipments = choose(shipment for version in versions for shipment in version.fulfillments)
    if shipments:
        redacted = _redacted(to, [one.newest.version.id for one in alive])
        shipments = [_without_tracking(one, redacted) for one in shipments]
    found: tuple[tuple[Family, Sequence[Choice[Any]]], ...]
    found = ((REFUNDS, refunds), (FULFILLMENTS, shipments))
    for family, inside in found:
        inner = write(to, family, [one.newest for one in inside])
        wrote.changes.extend(inner.changes)
        wrote.incomplete |= {
            one.newest.version.order_id
            for one in inside
            if one.in_doubt(inner.outcomes[one.newest.key])
        }
    late = Counter(
        subject for number, subject in unwanted.items() if wrote.outcomes[number] is Outcome.APPLIED
    )
    note_late(to, late)
    wrote.late = late.total()
    return wrote


def write_refunds(to: Transaction, choices: Sequence[Choice[Refund]]) -> Wrote:
    """Puts refunds that came alone."""
    return _write_alone(to, REFUNDS, choices, lambda one, _: one)


def write_fulfillments(to: Transaction, choices: Sequence[Choice[Fulfillment]]) -> Wrote:
    """Puts shipments that came alone; without tracking where the order is redacted."""
    return _write_alone(to, FULFILLMENTS, choices, _without_tracking)


def bury_orders(to: Transaction, ids: Sequence[int], at: datetime) -> Wrote:
    """Deletes orders with all that belongs to them; tells of each refund and shipment.

    Those may have been told of before their order, which then never was.
    """
    wrote = bury(to, ORDERS, ids, at)
    for family in (REFUNDS, FULFILLMENTS):
        row = family.table.c
        theirs = (row.shop == to.shop) & row.order_id.in_(ids)
        for parts in family.parts:
            part = parts.table.c
            inside = part[parts.parent].in_(select(row.id).where(theirs))
            to.connection.execute(delete(parts.table).where(part.shop == to.shop, inside))
        gone = to.connection.execute(delete(family.table).where(theirs).returning(row.id)).scalars()
        wrote.changes += [
            Change(to.shop, family.kind, number, What.DELETED, at) for number in sorted(gone)
        ]
    return wrote


def lock_orders(to: Transaction, ids: Iterable[int]) -> dict[int, OrderRow]:
    """Makes rows for orders that have not come yet, and holds all of them until the commit."""
    numbers = sorted(set(ids))
    fresh = {"shop": to.shop, "written_at": to.now, "existed": False}
    statement = upsert.stand(to.dialect, ORDERS)
    to.connection.execute(statement, [{**fresh, "id": number} for number in numbers]).all()
    row = tables.orders.c
    found = to.connection.execute(
        select(row.id, row.deleted_at, row.redacted_at)
        .where(row.shop == to.shop, row.id.in_(numbers))
        .order_by(row.id)
        .with_for_update()
    )
    return {
        one.id: OrderRow(one.deleted_at is not None, one.redacted_at is not None) for one in found
    }


def cut_off(to: Transaction, ids: Sequence[int]) -> None:
    """Orders, whose rows are locked, have no customer from now on, and their shipments no tracking.

    Whatever version comes later brings back neither.
    """
    order, shipment = tables.orders, tables.fulfillments
    to.connection.execute(
        update(order)
        .where(order.c.shop == to.shop, order.c.id.in_(ids))
        .values(customer_id=None, redacted_at=to.now, written_at=to.now)
    )
    to.connection.execute(
        update(shipment)
        .where(shipment.c.shop == to.shop, shipment.c.order_id.in_(ids))
        .values(tracking_company=None, tracking_numbers=None, tracking_urls=None, written_at=to.now)
    )


def _cut_off_unwanted(
    to: Transaction, choices: Sequence[Choice[Order]], subjects: Mapping[int, str] | None
) -> dict[int, str]:
    """Cuts off, before they are written, orders of customers who were redacted: id → subject."""
    if subjects is None:
        require_nobody(to)
        return {}
    named = {
        choice.newest.version.id: subjects[choice.newest.version.customer_id]
        for choice in choices
        if choice.newest.version.customer_id is not None
    }
    gone = shut_out_among(to, named.values())
    unwanted = {number: subject for number, subject in named.items() if subject in gone}
    if unwanted:
        # All of the batch, as rows are locked in one order in every transaction.
        rows = lock_orders(to, [choice.newest.version.id for choice in choices])
        fresh = [number for number in unwanted if not rows[number].redacted]
        if fresh:
            cut_off(to, fresh)
    return unwanted


def _write_alone(
    to: Transaction,
    family: Family,
    choices: Sequence[Choice[Any]],
    allowed: Callable[[Choice[Any], set[int]], Choice[Any]],
) -> Wrote:
    orders = lock_orders(to, (one.newest.version.order_id for one in choices))
    redacted = {number for number, row in orders.items() if row.redacted}
    late = [one for one in choices if orders[one.newest.version.order_id].deleted]
    kept = [one for one in choices if not orders[one.newest.version.order_id].deleted]
    taken = [allowed(one, redacted).newest for one in kept]
    wrote = write(to, family, taken)
    gone: dict[Key, Outcome] = {one.newest.key: Outcome.GONE for one in late}
    wrote.outcomes.update(gone)
    return wrote


def _redacted(to: Transaction, ids: Sequence[int]) -> set[int]:
    row = tables.orders.c
    query = select(row.id).where(row.shop == to.shop, row.id.in_(ids), row.redacted_at.is_not(None))
    return set(to.connection.execute(query).scalars())


def _without_tracking(one: Choice[Fulfillment], redacted: set[int]) -> Choice[Fulfillment]:
    """The stamp stays that of the whole, so that the same version is still the same."""
    version = one.newest.version
    if version.order_id not in redacted:
        return one
    bare = msgspec.structs.replace(
        version, tracking_company=None, tracking_numbers=None, tracking_urls=None
    )
    return one._replace(newest=Stamped(bare, one.newest.stamp))
