"""The door for writes: versions and deletes in, each told of once it is committed."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any, cast

from avnu.clock import Clock
from avnu.logs import about
from avnu.store.columns import instant
from avnu.store.database import Store
from avnu.store.market import forgetting
from avnu.store.market.batches import Transaction, Wrote, bury, split, split_keys, write
from avnu.store.market.changes import Change, Changed, ResourceKind, What, tell
from avnu.store.market.copy import Copy
from avnu.store.market.families import (
    FULFILLMENTS,
    ITEMS,
    LEVELS,
    LOCATIONS,
    ORDERS,
    PRODUCTS,
    REFUNDS,
    Family,
)
from avnu.store.market.order_writing import (
    bury_orders,
    write_fulfillments,
    write_orders,
    write_refunds,
)
from avnu.store.market.outcomes import Choice, Outcome, Written, choose
from avnu.store.market.redacted import shut_out
from avnu.store.market.versions import (
    Fulfillment,
    Item,
    Level,
    LevelKey,
    Location,
    Order,
    Product,
    Refund,
)
from avnu.store.subjects import Subjects

log = logging.getLogger(__name__)

# Writes a batch in a transaction.
Writer = Callable[[Transaction, Sequence[Choice[Any]]], Wrote]


class Market(Copy):
    """The copy, and what is written into it. Raises StoreUnavailable and StoreOutdated.

    ``put_…`` and ``delete_…`` take any number, in any order, also several versions of one
    resource, and write them in transactions of at most 2,000 rows (a product with all its variants
    in one). When one of those fails, those before it are written and told of: do the call again,
    as what is written is ``same`` then. ``changed`` is told after each commit (``changes``).
    Without ``subjects``, orders of a shop that has redacted customers are refused (ValueError).
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        changed: Changed | None = None,
        subjects: Subjects | None = None,
    ) -> None:
        super().__init__(store)
        self._clock = clock
        self._changed = changed
        self._subjects = subjects

    def put_products(self, shop: str, versions: Iterable[Product]) -> Written[int]:
        """Products with their variants; variants that a whole version lacks are deleted."""
        return self._put(PRODUCTS, shop, versions)

    def delete_products(self, shop: str, ids: Iterable[int], at: datetime) -> Written[int]:
        """For good, with their variants. ``applied``: deleted now; ``gone``: was before."""
        return self._delete(PRODUCTS, shop, ids, at)

    def put_items(self, shop: str, versions: Iterable[Item]) -> Written[int]:
        """Inventory items."""
        return self._put(ITEMS, shop, versions)

    def delete_items(self, shop: str, ids: Iterable[int], at: datetime) -> Written[int]:
        """For good. Their levels stay, and are not shown any more."""
        return self._delete(ITEMS, shop, ids, at)

    def put_levels(self, shop: str, versions: Iterable[Level]) -> Written[LevelKey]:
        """Stock of items at locations; with ``gone`` also that there is none any more."""
        return self._put(LEVELS, shop, versions)

    def delete_levels(
        self, shop: str, keys: Iterable[LevelKey], at: datetime, read_at: datetime | None = None
    ) -> Written[LevelKey]:
        """Items that are not stocked at locations since ``at``; a later version revives them.

        Without a version of Shopify's, ``at`` is when the webhook was triggered, or when the Admin
        API was asked (then it is ``read_at`` too).
        """
        gone = (Level(**key._asdict(), updated_at=at, read_at=read_at, gone=True) for key in keys)
        return self._put(LEVELS, shop, gone)

    def put_locations(self, shop: str, versions: Iterable[Location]) -> Written[int]:
        """Locations."""
        return self._put(LOCATIONS, shop, versions)

    def delete_locations(self, shop: str, ids: Iterable[int], at: datetime) -> Written[int]:
        """For good. Their levels stay, and are not shown any more."""
        return self._delete(LOCATIONS, shop, ids, at)

    def put_orders(self, shop: str, versions: Iterable[Order]) -> Written[int]:
        """Orders with their lines, and the refunds and shipments that they name.

        One of a customer who was redacted is stored without the customer, counted and logged.
        """
        every = list(versions)
        subjects = None
        if self._subjects is not None:
            # Here, as reading the key needs a transaction of its own.
            named = (one.customer_id for one in every if one.customer_id is not None)
            subjects = self._subjects.of_ids(shop, named)
        return self._put(ORDERS, shop, every, partial(write_orders, subjects=subjects))

    def delete_orders(self, shop: str, ids: Iterable[int], at: datetime) -> Written[int]:
        """For good, with all that belongs to them, also what comes later."""
        return self._delete(ORDERS, shop, ids, at)

    def put_refunds(self, shop: str, versions: Iterable[Refund]) -> Written[int]:
        """Refunds, by their own ids; ``gone``: the order was deleted."""
        return self._put(REFUNDS, shop, versions, write_refunds)

    def put_fulfillments(self, shop: str, versions: Iterable[Fulfillment]) -> Written[int]:
        """Shipments, by their own ids; ``gone``: the order was deleted."""
        return self._put(FULFILLMENTS, shop, versions, write_fulfillments)

    def forget_shop(self, shop: str) -> int:
        """Deletes all rows of the shop, for shop/redact; answers how many there were.

        In many short transactions: cut short, call it again. What is written beside it stays.
        """
        deleted = forgetting.forget_shop(self._store, shop)
        if deleted:
            tell(self._changed, [Change(shop, ResourceKind.SHOP, 0, What.DELETED, self._now())])
        return deleted

    def shut_out(self, shop: str, customer_id: int) -> None:
        """From now on no order is stored with this customer. Needs ``subjects``."""
        assert self._subjects is not None
        subject = self._subjects.of_id(shop, customer_id)
        with self._writing(shop) as to:
            shut_out(to, [subject])

    def redact_customer(
        self, shop: str, customer_id: int | None, order_ids: Iterable[int] = ()
    ) -> tuple[int, ...]:
        """Cuts these orders, and all known of the customer, off from the customer, for good.

        The customer's id goes, and the tracking of shipments; nothing else personal is stored. What
        comes later of the customer is cut off as well (needs ``subjects``). Answers the orders that
        were known and had not been redacted.
        """
        if customer_id is not None and self._subjects is not None:
            self.shut_out(shop, customer_id)
        with self._store.reading() as connection:
            ids = {*order_ids, *forgetting.orders_of(connection, shop, customer_id)}
        redacted: list[int] = []
        for batch in split_keys(list(ids)):
            with self._writing(shop) as to:
                changes = forgetting.redact_orders(to, batch)
            tell(self._changed, changes)
            redacted.extend(cast("int", change.id) for change in changes)
        return tuple(redacted)

    def _put(
        self, family: Family, shop: str, versions: Iterable[Any], writer: Writer | None = None
    ) -> Written[Any]:
        choices = choose(versions)
        total = Wrote()
        for batch in split(choices):
            with self._writing(shop) as to:
                if writer is not None:
                    wrote = writer(to, batch)
                else:
                    wrote = write(to, family, [choice.newest for choice in batch])
            self._add(shop, total, wrote)
        _note_what_to_read(total, choices)
        return _written(total)

    def _delete(self, family: Family, shop: str, ids: Iterable[int], at: datetime) -> Written[int]:
        total = Wrote()
        for batch in split_keys(list(ids)):
            with self._writing(shop) as to:
                if family is ORDERS:
                    wrote = bury_orders(to, batch, at)
                else:
                    wrote = bury(to, family, batch, at)
            self._add(shop, total, wrote)
        return _written(total)

    def _add(self, shop: str, total: Wrote, wrote: Wrote) -> None:
        """After a commit."""
        tell(self._changed, wrote.changes)
        if wrote.late:
            told = about(shop=shop, orders=wrote.late)
            log.warning("late orders of redacted customers, stored without them", extra=told)
        total.outcomes.update(wrote.outcomes)
        total.incomplete |= wrote.incomplete

    @contextmanager
    def _writing(self, shop: str) -> Iterator[Transaction]:
        with self._store.writing() as connection:
            yield Transaction(connection, shop, self._now())

    def _now(self) -> datetime:
        return instant(self._clock.time())


def _note_what_to_read(total: Wrote, choices: Iterable[Choice[Any]]) -> None:
    """Which resources a put leaves in doubt, and which it knows in part."""
    for choice in choices:
        key, version = choice.newest.key, choice.newest.version
        if choice.in_doubt(total.outcomes[key]):
            total.in_doubt.add(key)
        there = total.outcomes[key] in (Outcome.APPLIED, Outcome.SAME)
        if there and getattr(version, "partial", False):
            total.incomplete.add(key)


def _written(total: Wrote) -> Written[Any]:
    def those(outcome: Outcome) -> tuple[Any, ...]:
        return _sorted(key for key, found in total.outcomes.items() if found is outcome)

    return Written(
        applied=those(Outcome.APPLIED),
        same=those(Outcome.SAME),
        older=those(Outcome.OLDER),
        conflicting=_sorted(total.in_doubt),
        gone=those(Outcome.GONE),
        incomplete=_sorted(total.incomplete),
    )


def _sorted(keys: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(sorted(keys))
