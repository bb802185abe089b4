"""deploy/cells.md does what it says: nginx sends a shop to its cell, and a shop can be moved."""

import os
import random
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest
import urllib3
from sqlalchemy import func, insert, select

from avnu.clock import SystemClock
from avnu.secret import Secret
from avnu.store.database import Store
from avnu.store.installing import Installing
from avnu.store.pairs import TokenPair
from avnu.store.schema import upgrade
from avnu.store.tables import habits, redacted_customers, shops
from avnu.store.vault import Vault
from tests.support import nginx
from tests.support.postgres import Postgres
from tests.support.require import require

pytest_plugins = ("tests.support.store_fixtures",)

DEPLOY = Path(__file__).parents[2] / "deploy"
CELLS = ("cell_a", "cell_b")


# ---- the way to a cell


@contextmanager
def answering(name: str) -> Iterator[int]:
    """A receiver that only says which cell it is; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(name.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def configured(folder: Path, port: int, cells: Sequence[int]) -> Path:
    """deploy/nginx/avnu.conf with the page's block in it, as the page tells."""
    conf = nginx.render(folder, cells, f"listen 127.0.0.1:{port};\n")
    [block] = re.findall(r"```nginx\n(.*?)```", (DEPLOY / "cells.md").read_text(), re.DOTALL)
    for name, cell in zip(CELLS, cells, strict=True):
        block = re.sub(
            rf"upstream {name} {{.*}}", f"upstream {name} {{ server 127.0.0.1:{cell}; }}", block
        )
    door = folder / "avnu.conf"
    text = door.read_text().replace(
        "proxy_pass http://avnu_receivers;", "proxy_pass http://$avnu_cell;", 1
    )
    door.write_text(block.replace("/etc/nginx/avnu", str(folder)) + text)
    return conf


@pytest.fixture
def door(tmp_path: Path) -> Iterator[nginx.Nginx]:
    folder = tmp_path / "nginx"
    with ExitStack() as running:
        ports = [running.enter_context(answering(name)) for name in CELLS]
        made = nginx.Nginx(folder, ports)
        configured(folder, made.port, ports)
        (folder / "cells.map").write_text(
            "moved.myshopify.com cell_b;\nold.myshopify.com cell_a;\n"
        )
        yield running.enter_context(made)


def cell_of(door: nginx.Nginx, **headers: str) -> str:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = urllib3.request("POST", f"{door.url}/webhooks/shopify", headers=named, body=b"{}")
    assert answer.status == 200
    return answer.data.decode()


def test_a_shop_is_in_one_cell_and_newcomers_are_spread(door: nginx.Nginx) -> None:
    assert cell_of(door, X_Shopify_Shop_Domain="moved.myshopify.com") == "cell_b"
    assert cell_of(door, X_Shopify_Shop_Domain="old.myshopify.com") == "cell_a"
    assert cell_of(door, shopify_shop_domain="moved.myshopify.com") == "cell_b"
    assert (
        cell_of(
            door,
            shopify_shop_domain="old.myshopify.com",
            X_Shopify_Shop_Domain="moved.myshopify.com",
        )
        == "cell_a"
    )
    new = [f"shop-{n}.myshopify.com" for n in range(40)]
    placed = [cell_of(door, X_Shopify_Shop_Domain=shop) for shop in new]
    assert placed == [cell_of(door, shopify_shop_domain=shop) for shop in new]
    assert min(placed.count(cell) for cell in CELLS) >= 8


# ---- moving a shop


class Two:
    """Two cells' databases, and the service file that names them."""

    def __init__(self, server: Postgres, folder: Path) -> None:
        self.folder = folder
        self.addresses = [server.database() for _ in CELLS]
        lines = []
        for name, address in zip(CELLS, self.addresses, strict=True):
            with Store(address) as store:
                upgrade(store)
            at = urlsplit(address.reveal())
            lines += [f"[{name}]", f"host={at.hostname}", f"port={at.port}", f"user={at.username}",
                      f"password={at.password}", f"dbname={at.path[1:]}"]  # fmt: skip
        (folder / "services").write_text("\n".join(lines) + "\n")

    def move(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return self._run([str(DEPLOY / "move-shop.sh"), *arguments])

    def psql(self, cell: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return self._run(["psql", *arguments], PGSERVICE=cell)

    def _run(self, command: list[str], **more: str) -> "subprocess.CompletedProcess[str]":
        require("psql")
        environ = {
            "PATH": os.environ["PATH"],
            "PGSERVICEFILE": str(self.folder / "services"),
            "TMPDIR": str(self.folder),
        }
        return subprocess.run(
            command, check=False, capture_output=True, text=True, env=environ | more
        )


SHOP, OTHER = "one.myshopify.com", "other.myshopify.com"
VAULT = Vault((Secret("x" * 43 + "="),))
NOW = datetime(2026, 7, 1, tzinfo=UTC)


@pytest.fixture
def two(_postgres: Postgres, tmp_path: Path) -> Two:
    made = Two(_postgres, tmp_path)
    with Store(made.addresses[0]) as store:
        taking = Installing(store, VAULT, SystemClock(), random.Random(1))
        for shop in (SHOP, OTHER):
            taking.install(shop, TokenPair(Secret(f"access {shop}"), Secret("refresh"), 3600.0))
            with store.writing() as connection:
                row = {"shop": shop, "subject": "s", "redacted_at": NOW, "late": 2}
                connection.execute(insert(redacted_customers), row)
    return made


def held(address: Secret) -> dict[str, tuple[str, int]]:
    """By shop: its access token, and how many of its customers were redacted."""
    with Store(address) as store, store.reading() as connection:
        found = {}
        for shop, sealed in connection.execute(select(shops.c.domain, shops.c.access_token)):
            redacted = select(func.count()).where(redacted_customers.c.shop == shop)
            token = VAULT.open(shop, "access_token", sealed).reveal()
            found[shop] = (token, connection.execute(redacted).scalar_one())
    return found


def test_a_moved_shop_takes_all_its_rows_along_and_its_tokens_open(two: Two) -> None:
    with Store(two.addresses[1]) as store, store.writing() as connection:
        left = {"shop": SHOP, "topic": "orders/create", "seen": 1, "last_at": NOW, "gap_s": 1.0}
        connection.execute(insert(habits), left)
    with Store(two.addresses[0]) as store, store.writing() as connection:
        connection.execute(insert(habits), left | {"seen": 7})
    moved = two.move("cell_a", "cell_b", SHOP)
    assert moved.returncode == 0, moved.stderr
    assert moved.stdout == "rows moved: 3\n"
    assert held(two.addresses[0]) == {OTHER: (f"access {OTHER}", 1)}
    assert held(two.addresses[1]) == {SHOP: (f"access {SHOP}", 1)}
    assert list(two.folder.glob("tmp*")) == []


def test_what_the_other_cell_does_not_take_is_kept_and_can_be_put_back(two: Two) -> None:
    with Store(two.addresses[1]) as store, store.writing() as connection:
        connection.exec_driver_sql("DROP TABLE redacted_customers")
    refused = two.move("cell_a", "cell_b", SHOP)
    assert refused.returncode == 1
    assert SHOP not in held(two.addresses[0])
    [folder] = two.folder.glob("tmp*")
    assert str(folder) in refused.stderr
    assert two.psql("cell_a", "--file", str(folder / "in.sql")).returncode == 0
    assert held(two.addresses[0])[SHOP] == (f"access {SHOP}", 1)


def test_nothing_is_moved_for_a_wrong_name(two: Two) -> None:
    for arguments, code in (
        (("cell_a", "cell_b"), 2),
        (("cell_a", "cell_b", "one"), 2),
        (("cell_a", "cell_b", "x'; DROP TABLE shops; --.myshopify.com"), 2),
        (("nowhere", "cell_b", SHOP), 1),
        (("cell_a", "cell_b", "unknown.myshopify.com"), 1),
    ):
        assert two.move(*arguments).returncode == code
    assert len(held(two.addresses[0])) == 2
