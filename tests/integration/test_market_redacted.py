"""A customer who was redacted does not come back, whoever holds an old body, and it is noticed."""

import hashlib
import logging
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import select

from avnu.secret import Secret
from avnu.store.columns import instant
from avnu.store.database import Store
from avnu.store.market import order_writing
from avnu.store.market.batches import Transaction
from avnu.store.market.changes import What
from avnu.store.market.market import Market
from avnu.store.market.redacted import note_late
from avnu.store.subjects import Subjects
from avnu.store.tables import redacted_customers
from avnu.store.vault import Vault
from tests.support.market import OTHER, SHOP, Hand, order, rows, shipment
from tests.support.waiting import wait_until

pytest_plugins = ("tests.support.store_fixtures",)

CUSTOMER = 77


@pytest.fixture
def market(store: Store, key: str) -> Market:
    return market_of(store, key)


def market_of(store: Store, key: str, **more: Any) -> Market:
    return Market(store, Hand(), subjects=Subjects(store, Vault((Secret(key),))), **more)


def ledger(store: Store) -> list[tuple[str, int, bool]]:
    """Shop, how many came late, and whether it says when."""
    with store.reading() as connection:
        found = connection.execute(
            select(redacted_customers).order_by(redacted_customers.c.shop)
        ).all()
    return [(row.shop, row.late, row.late_at is not None) for row in found]


def customers(store: Store, shop: str = SHOP) -> dict[int, int | None]:
    return {row["id"]: row["customer_id"] for row in rows(store, shop)["orders"]}


def tracking(store: Store) -> list[Any]:
    return [row["tracking_numbers"] for row in rows(store)["fulfillments"]]


def test_a_late_order_is_stored_without_the_customer_and_counted(
    market: Market, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    market.put_orders(SHOP, [order(1, 1)])
    assert market.redact_customer(SHOP, CUSTOMER, [2]) == (1,)
    with caplog.at_level(logging.WARNING):
        late = [order(3, 1, fulfillments=(shipment(31, 3, 1),)), order(4, 1, customer_id=78)]
        written = market.put_orders(SHOP, late)
    assert written.applied == (3, 4)
    # The second stands there only so that it is redacted when it comes.
    assert customers(store) == {1: None, 2: None, 3: None, 4: 78}
    assert tracking(store) == [None]
    assert ledger(store) == [(SHOP, 1, True)]
    said = [(record.getMessage(), vars(record)["fields"]) for record in caplog.records]
    late_order = "late orders of redacted customers, stored without them"
    assert said == [(late_order, {"shop": SHOP, "orders": 1})]
    # Once more is the same version and no news; a newer one is.
    assert market.put_orders(SHOP, late).same == (3, 4)
    assert ledger(store) == [(SHOP, 1, True)]
    market.put_orders(SHOP, [order(3, 2), order(2, 1)])
    assert customers(store) == {1: None, 2: None, 3: None, 4: 78}
    assert ledger(store) == [(SHOP, 3, True)]


def test_a_shipment_that_came_before_its_late_order_loses_its_tracking(
    market: Market, store: Store
) -> None:
    market.redact_customer(SHOP, CUSTOMER)
    market.put_fulfillments(SHOP, [shipment(31, 3, 1)])
    assert tracking(store) == [("JD0146",)]
    market.put_orders(SHOP, [order(3, 1)])
    assert tracking(store) == [None]
    market.put_fulfillments(SHOP, [shipment(32, 3, 1)])
    assert tracking(store) == [None, None]


def test_another_shop_with_the_same_customer_is_not_touched(market: Market, store: Store) -> None:
    market.redact_customer(SHOP, CUSTOMER)
    market.put_orders(OTHER, [order(1, 1)])
    assert customers(store, OTHER) == {1: CUSTOMER}


def test_who_cannot_tell_subjects_writes_no_order_where_anybody_is_redacted(
    market: Market, store: Store
) -> None:
    blind = Market(store, Hand())
    blind.put_orders(SHOP, [order(1, 1)])
    market.redact_customer(SHOP, CUSTOMER)
    with pytest.raises(ValueError, match="with subjects only"):
        blind.put_orders(SHOP, [order(2, 1)])
    assert customers(store) == {1: None}
    blind.put_orders(OTHER, [order(2, 1)])


def test_the_ledger_names_nobody(market: Market, store: Store) -> None:
    market.redact_customer(SHOP, CUSTOMER)
    with store.reading() as connection:
        row = connection.execute(select(redacted_customers)).one()
    assert re.fullmatch("[0-9a-f]{64}", row.subject)
    plain = hashlib.sha256(str(CUSTOMER).encode()).hexdigest()
    assert row.subject != plain, "a hash without a key is found by trying all ids"


@contextmanager
def stopped(monkeypatch: pytest.MonkeyPatch, where: str) -> Iterator[Callable[..., Any]]:
    """A writer of orders stops at a step of its transaction until it is let go."""
    real = getattr(order_writing, where)
    reached, go = threading.Event(), threading.Event()

    def stop(to: Transaction, *rest: Any) -> Any:
        if threading.current_thread().name.startswith("writer"):
            reached.set()
            assert go.wait(30)
        return real(to, *rest)

    monkeypatch.setattr(order_writing, where, stop)

    def control(let_go: bool = False) -> None:
        go.set() if let_go else reached.wait(30)

    yield control
    go.set()


@pytest.mark.parametrize("where", ["shut_out_among", "note_late"])
def test_a_redaction_between_a_writers_look_and_its_commit_finds_its_order(
    where: str, database: Secret, store: Store, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer stands before its look, or after its look and before its commit."""
    changes: list[Any] = []
    market_of(store, key).redact_customer(SHOP, 1)  # the key is made, and nothing else happens
    with (
        Store(database) as theirs,
        stopped(monkeypatch, where) as control,
        ThreadPoolExecutor(1, "writer") as writers,
        ThreadPoolExecutor(1, "redactor") as redactors,
    ):
        writer = market_of(theirs, key)
        old = order(5, 1, fulfillments=(shipment(51, 5, 1),))
        writing = writers.submit(writer.put_orders, SHOP, [old])
        control()
        redactor = market_of(store, key, changed=changes.extend)
        redacting: Future[Any] = redactors.submit(redactor.redact_customer, SHOP, CUSTOMER)
        if where == "shut_out_among" and "postgresql" in database.reveal():
            # The writer has not looked yet, so it holds up nobody: it will find the ledger.
            assert redacting.result(30) == ()
        control(let_go=True)
        assert writing.result(30).applied == (5,)
        found = redacting.result(30)
    assert customers(store)[5] is None
    assert tracking(store) == [None]
    if where == "note_late":
        # The writer's commit came first, or the redactor's: the order is found, or it is late.
        late = [number for _, number, _ in ledger(store) if number]
        assert (found == (5,) and [change.what for change in changes] == [What.UPDATED]) or late


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_writer_that_has_looked_holds_up_who_shuts_out_until_it_commits(
    database: Secret, store: Store, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without that, the redaction would look for orders before the writer's is there.

    SQLite has one writer at a time.
    """
    market_of(store, key).redact_customer(SHOP, 1)
    with (
        Store(database) as theirs,
        stopped(monkeypatch, "note_late") as control,
        ThreadPoolExecutor(1, "writer") as writers,
        ThreadPoolExecutor(1, "redactor") as redactors,
    ):
        writing = writers.submit(market_of(theirs, key).put_orders, SHOP, [order(5, 1)])
        control()
        redacting = redactors.submit(market_of(store, key).redact_customer, SHOP, CUSTOMER)
        wait_until(lambda: waiting_for_a_lock(theirs), 10, "the redaction waits")
        assert not redacting.done()
        control(let_go=True)
        writing.result(30)
        assert redacting.result(30) == (5,)
    assert customers(store)[5] is None


def waiting_for_a_lock(store: Store) -> bool:
    with store.reading() as connection:
        return bool(
            connection.exec_driver_sql(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            ).scalar_one()
        )


def test_late_orders_add_up_over_writers(store: Store, market: Market, key: str) -> None:
    market.redact_customer(SHOP, CUSTOMER)
    subject = Subjects(store, Vault((Secret(key),))).of_id(SHOP, CUSTOMER)
    for number in (2, 3):
        with store.writing() as connection:
            note_late(Transaction(connection, SHOP, instant(0)), {subject: number})
    assert ledger(store) == [(SHOP, 5, True)]
