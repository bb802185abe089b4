"""After customers/redact and shop/redact nothing of them is found: a search through every file.

The search looks for the bytes: through the database's files after a vacuum, the server's dump and
append-only files after a rewrite, the logs and the exports. Before each erasure it must find what
is there, or it would prove nothing.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import select

from avnu.app import create_app
from avnu.clock import SystemClock
from avnu.compliance.ledger import Ledger, Request
from avnu.secret import Secret
from avnu.store.database import Store
from avnu.store.engine import sqlite_path
from avnu.store.market import tables
from avnu.store.shops import Shops
from avnu.upkeep import run_job
from tasks import maintenance
from tests.conftest import PATIENT
from tests.support.compliance import EMAIL, ID, NAME, PHONE, order_body, request, sent
from tests.support.postgres import Postgres
from tests.support.programs import Worker
from tests.support.shopify_stack import calling, install, sandboxed
from tests.support.stack import Stack
from tests.support.waiting import wait_until

pytest_plugins = ("tests.support.store_fixtures",)

SHOP = "one-goods.myshopify.com"
ORDER, WAITING, LATE, DEAD = 5_678_123_401, 5_678_123_402, 5_678_123_403, 5_678_123_404
TRACKING = "JD014600006281"
PERSON: dict[str, object] = {
    "name": NAME, "email": EMAIL, "phone": PHONE, "id": ID, "tracking": TRACKING,
}  # fmt: skip
ORDERS: dict[str, object] = {str(one): one for one in (ORDER, WAITING, LATE, DEAD)}


class Erasing:
    """A stack with the real worker, and the search."""

    def __init__(self, stack: Stack, database: Secret, postgres: Postgres | None) -> None:
        self.stack = stack
        self.store = Store(database)
        self.postgres = postgres
        self.exports = Path(stack.settings.compliance_export_dir)
        self.worker = Worker("one", stack.folder, stack.environ(), app="avnu", options=("-lDEBUG",))
        stack._programs.append(self.worker)

    # ---- what happens

    def accept(self, *arrivals: Any) -> None:
        self.stack.accept(*arrivals)

    def wait_settled(self, *arrivals: Any) -> None:
        refs = {self.stack.ref(one) for one in arrivals}
        self.stack._wait(lambda: self.stack.settled(refs) == refs, 20, "they are settled")

    def settle(self, *arrivals: Any) -> None:
        self.accept(*arrivals)
        self.wait_settled(*arrivals)

    def request(self, webhook_id: str) -> Request:
        return Ledger(self.store, SystemClock()).get(SHOP, webhook_id)

    def customers(self) -> dict[int, int | None]:
        query = select(tables.orders.c.id, tables.orders.c.customer_id)
        with self.store.reading() as connection:
            return {row.id: row.customer_id for row in connection.execute(query)}

    # ---- the search

    def search(self, wanted: Mapping[str, object]) -> dict[str, set[str]]:
        """Which of ``wanted`` is found, by place; only places where anything is."""
        places: dict[str, Callable[[], Iterator[bytes]]] = {
            "database": self.database_files,
            "redis": self.redis_files,
            "exports": lambda: (path.read_bytes() for path in self.exports.glob("**/*")),
            "logs": lambda: (path.read_bytes() for path in self.stack.folder.glob("*.log")),
        }
        found: dict[str, set[str]] = {}
        for place, files in places.items():
            content = b"\n".join(files()).lower()
            assert content or place == "exports"
            names = {name for name, value in wanted.items() if is_in(content, value)}
            if names:
                found[place] = names
        return found

    def database_files(self) -> Iterator[bytes]:
        if self.postgres is not None:
            yield from self.postgres_files(self.postgres)
            return
        path = sqlite_path(self.store.url)
        assert path is not None
        connection = sqlite3.connect(path, timeout=10)
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        yield from (one.read_bytes() for one in path.parent.glob(f"{path.name}*"))

    def postgres_files(self, server: Postgres) -> Iterator[bytes]:
        name = self.store.url.database
        address = self.store.url.set(drivername="postgresql").render_as_string(False)
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("VACUUM FULL")
            connection.execute("CHECKPOINT")
            row = connection.execute("SELECT oid FROM pg_database WHERE datname = %s", [name])
            (oid,) = row.fetchone() or (0,)
        folder = server._folder / "data" / "base" / str(oid)
        yield from (path.read_bytes() for path in folder.iterdir())

    def redis_files(self) -> Iterator[bytes]:
        with self.stack.server.client() as client:
            before = rewrites(client)
            client.bgrewriteaof()
            wait_until(lambda: rewrites(client) > before, 20, "the append-only file is rewritten")
            client.save()
        folder = self.stack.folder / "server"
        wait_until(lambda: len(list(folder.glob("*/*.base.*"))) == 1, 10, "the old one is gone")
        files = [*folder.glob("**/*.rdb"), *folder.glob("**/*.aof")]
        assert len(files) >= 2
        yield from (path.read_bytes() for path in files)


def rewrites(client: Any) -> int:
    """How many rewrites are over, and successful."""
    told = client.info("persistence")
    if told["aof_rewrite_in_progress"] or told["aof_rewrite_scheduled"]:
        return -1
    return int(client.info("stats").get("total_forks", 0))


def is_in(content: bytes, value: object) -> bool:
    """As text, whatever its capitals; a number also as either database stores it."""
    if isinstance(value, int):
        stored = [value.to_bytes(8, "little"), value.to_bytes(6, "big"), str(value).encode()]
        return any(one.lower() in content for one in stored)
    return str(value).lower().encode() in content


@pytest.fixture
def erasing(request: pytest.FixtureRequest, database: Secret, tmp_path: Path) -> Iterator[Erasing]:
    postgres = None
    if "postgresql" in database.reveal():
        postgres = request.getfixturevalue("_postgres")
    with sandboxed() as sandbox:
        stack = Stack(
            tmp_path / "stack",
            seed=1,
            settings=calling(
                sandbox,
                DATABASE_URL=database.reveal(),
                COMPLIANCE_EXPORT_DIR=str(tmp_path / "exports"),
                **PATIENT,
                WEBHOOK_KEEP_BODY_SECONDS="3600",
                LOG_LEVEL="DEBUG",
            ),
            # Compressed, the search would find nothing anyway.
            extra=("--rdbcompression", "no"),
        )
        try:
            install(stack, sandbox, ["one-goods"])
            made = Erasing(stack, database, postgres)
            made.worker.start()
            yield made
            made.store.close()
        finally:
            stack.close()


def shipped(order_id: int) -> dict[str, Any]:
    return {
        "id": order_id + 10,
        "order_id": order_id,
        "updated_at": "2026-07-01T18:00:00Z",
        "created_at": "2026-07-01T18:00:00Z",
        "status": "success",
        "tracking_company": "DHL",
        "tracking_numbers": [TRACKING],
        "tracking_urls": [],
        "destination": {"name": NAME, "phone": PHONE},
        "line_items": [],
    }


def ordered(webhook_id: str, number: int, **more: Any) -> Any:
    return sent(webhook_id, "orders/updated", SHOP, **order_body(number, **more))


def test_nothing_of_a_customer_is_found_and_then_nothing_of_the_shop(erasing: Erasing) -> None:
    asked = {"customer": {"id": ID, "email": EMAIL.upper(), "phone": PHONE}}
    # In the database, in a kept body, in a dead letter, in an export.
    erasing.settle(ordered("w-1", ORDER, fulfillments=[shipped(ORDER)]))
    assert erasing.customers() == {ORDER: ID}
    unreadable = ordered("w-2", DEAD, line_items="none")
    erasing.accept(unreadable)
    wait_until(lambda: erasing.stack.trouble(erasing.stack.ref(unreadable)), 20, "it is dead")
    erasing.settle(request("w-3", "customers/data_request", SHOP, **asked))
    # In lines: those that wait for their turn.
    erasing.stack.inbox.pause("area", "orders")
    waiting = ordered("w-4", WAITING)
    parcel = sent("w-5", "fulfillments/create", SHOP, **shipped(WAITING))
    erasing.accept(waiting, parcel)
    assert erasing.search(PERSON) == {
        "database": {"id", "tracking"},
        "redis": {*PERSON},
        "exports": {*PERSON},
    }

    erasing.settle(request("w-6", "customers/redact", SHOP, orders_to_redact=[ORDER], **asked))
    assert erasing.search(PERSON) == {}
    evidence = erasing.request("w-6").evidence
    assert evidence["orders_cut_off"] == 1
    assert evidence["bodies_replaced"] == 2
    assert evidence["dead_letters_replaced"] == 1
    assert evidence["exports_removed"] == 1

    # What waited is followed with what is left of it, and a late order is noticed.
    erasing.stack.inbox.resume("area", "orders")
    late = ordered("w-7", LATE, fulfillments=[shipped(LATE)])
    erasing.settle(late)
    erasing.wait_settled(waiting, parcel)
    assert erasing.customers()[LATE] is None
    assert erasing.request("w-6").late == 1
    assert "late orders of redacted customers" in erasing.worker.log
    assert erasing.search(PERSON).keys() == {"redis"}, "its body is kept, as it was told to be"
    runtime = create_app(erasing.stack.settings).runtime
    did = run_job(runtime, "look_at_requests", maintenance.look_at_requests)
    assert did == {"ended": "done", "reminded": 0, "exports": 0, "late_bodies": 1}
    runtime.services.get().close()
    assert erasing.search(PERSON) == {}

    # The shop, with orders that wait and are dead.
    erasing.stack.inbox.pause("area", "orders")
    erasing.accept(ordered("w-8", WAITING, second=9))
    assert erasing.search(ORDERS)["database"] >= {str(ORDER), str(LATE)}
    assert erasing.search(ORDERS)["redis"] >= {str(WAITING), str(DEAD)}
    Shops(erasing.store, SystemClock()).uninstall(SHOP)
    erasing.settle(request("w-9", "shop/redact", SHOP))
    assert erasing.search(PERSON | ORDERS) == {}
    assert erasing.request("w-9").done_at is not None
    assert erasing.customers() == {}
