"""``avnu sandbox`` from the outside: a process that serves, and the commands that control it."""

import json
import signal
import socket
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import httpx
import pytest

from avnu.clock import SystemClock
from avnu.sandbox import Sizes, Store
from avnu.sandbox.admin import AdminSandbox, World
from avnu.sandbox.admin.gids import gid
from tests.support.admin_sandbox import Caller
from tests.support.command import Run, runner, start, told

SHOP = "amber-lamps.myshopify.com"
APP = {"SHOPIFY_API_KEY": "made-up-key", "SHOPIFY_API_SECRET": "shpss_made_up"}
NAME = "query Name { shop { name } }"


@pytest.fixture
def avnu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    return runner(APP)


@pytest.fixture
def sandbox() -> Iterator[AdminSandbox]:
    with AdminSandbox(World(), SystemClock()) as running:
        yield running


def line(stream: IO[bytes] | None) -> str:
    assert stream is not None
    return stream.readline().decode().strip()


def ended(process: "subprocess.Popen[bytes]", number: signal.Signals) -> tuple[int, bytes]:
    process.send_signal(number)
    _, talk = process.communicate(timeout=10)
    return process.returncode, talk


def test_it_serves_the_evening_of_a_day(tmp_path: Path) -> None:
    arguments = ["--seed", "3", "--shops", "4", "--deliveries", "300", "--day", "2026-11-20"]
    arguments += ["--latency-ms", "0", "1.5", "--days", "2", "--most-products", "60"]
    with start(["sandbox", "serve", *arguments], APP, tmp_path, uuid.uuid4().hex) as process:
        said = line(process.stdout)
        assert said.startswith("sandbox's Admin API at http://127.0.0.1:")
        origin = said.rpartition(" ")[2]
        store = Store(3, 4, sizes=Sizes(most_products=60), days=2)
        updates = [event for event in store.events(300) if event.topic == "products/update"]
        shop, body = updates[-1].shop.domain, json.loads(updates[-1].body)
        asks = {"client_id": "made-up-key", "client_secret": "shpss_made_up", "code": "any"}
        query = "query($id: ID!) { product(id: $id) { variants(first: 1) { nodes { price } } } }"
        with httpx.Client(base_url=origin, headers={"Host": shop}) as client:
            (latency,) = client.get("/sandbox/weather").json()["rules"]
            token = client.post("/admin/oauth/access_token", json=asks).json()["access_token"]
            reply = client.post(
                "/admin/api/2026-07/graphql.json",
                json={"query": query, "variables": {"id": gid("Product", body["id"])}},
                headers={"X-Shopify-Access-Token": token},
            ).json()
        assert (
            reply["data"]["product"]["variants"]["nodes"][0]["price"]
            == (body["variants"][0]["price"])
        )
        assert (latency["seconds"], latency["most_seconds"]) == (0, 0.0015)
        assert ended(process, signal.SIGTERM) == (0, b"")


def test_ctrl_c_ends_it(tmp_path: Path) -> None:
    with start(["sandbox", "serve"], APP, tmp_path, uuid.uuid4().hex) as process:
        assert line(process.stdout)
        assert ended(process, signal.SIGINT) == (0, b"")


def test_it_needs_an_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = runner({})("sandbox", "serve")
    assert result.exit_code == 2
    assert "SHOPIFY_API_KEY is not set" in result.stderr


def test_wrong_use(avnu: Run) -> None:
    result = avnu("sandbox", "serve", "--deliveries", "5")
    assert (result.exit_code, "needs the --seed" in result.stderr) == (2, True)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = avnu("sandbox", "serve", "--port", port)
    assert (result.exit_code, f"cannot listen on port {port}" in result.stderr) == (2, True)
    result = avnu("sandbox", "weather", "--origin", "http://127.0.0.1:1", "nothing")
    assert (result.exit_code, "'http_401'" in result.stderr) == (2, True)
    result = avnu("sandbox", "report", "--origin", "http://127.0.0.1:1")
    assert (result.exit_code, "no sandbox answers at" in result.stderr) == (5, True)


def test_the_weather_and_the_report(avnu: Run, sandbox: AdminSandbox) -> None:
    origin = ("--origin", sandbox.origin)
    result = avnu("sandbox", "weather", *origin, "http_503", "--times", "2", "--shop", SHOP)
    assert result.exit_code == 0, result.stderr
    assert "http_503" in result.stdout
    app = Caller(sandbox, SHOP)
    assert [app.graphql(NAME).status for _ in range(3)] == [503, 503, 200]
    app.close()
    result = avnu("sandbox", "weather", *origin, "hang", "--seconds", "2.5", "--json")
    assert told(result)["rules"][0]["seconds"] == 2.5
    assert told(avnu("sandbox", "weather", *origin, "clear", "--json"))["rules"] == []
    assert told(avnu("sandbox", "report", *origin, "--json")) == sandbox.report()
    shown = avnu("sandbox", "report", *origin).stdout
    assert SHOP in shown
    assert "http_503 2, ok 1" in shown
