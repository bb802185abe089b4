"""Every fault as a caller meets it: over real HTTP, on a real connection."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from avnu.clock import SystemClock
from avnu.sandbox.admin import FAULTS, AdminSandbox, World
from avnu.sandbox.admin.gids import gid
from tests.support.admin_sandbox import Caller, Reply
from tests.support.waiting import wait_until

SHOP, OTHER = "amber-lamps.myshopify.com", "birch-tea.myshopify.com"
QUERY = "query Page { shop { name email } products(first: 2) { nodes { id vendor } } }"
WEATHER = "/sandbox/weather"


@pytest.fixture
def sandbox() -> Iterator[AdminSandbox]:
    with AdminSandbox(World(), SystemClock()) as running:
        yield running


@pytest.fixture
def app(sandbox: AdminSandbox) -> Iterator[Caller]:
    caller = Caller(sandbox, SHOP)
    yield caller
    caller.close()


def status(code: int) -> Callable[[Reply], bool]:
    return lambda reply: reply.status == code and bool(reply.json["errors"])


def page(code: int) -> Callable[[Reply], bool]:
    return lambda reply: (
        reply.status == code
        and reply.headers["Content-Type"].startswith("text/html")
        and reply.body.startswith(b"<!DOCTYPE html>")
    )


def code(text: str) -> Callable[[Reply], bool]:
    return lambda reply: reply.status == 200 and reply.codes == [text] and "data" not in reply.json


def is_broken(reply: Reply) -> bool:
    with pytest.raises(json.JSONDecodeError):
        json.loads(reply.body)
    return reply.status == 200


#: What a caller sees. What it sees when there is no whole answer is tested below.
SEEN: dict[str, Callable[[Reply], Any]] = {
    "http_401": status(401),
    "http_402": status(402),
    "http_403": status(403),
    "http_404": status(404),
    "http_423": status(423),
    "http_429": lambda reply: reply.status == 429 and reply.headers["Retry-After"] == "2.0",
    "http_430": status(430),
    "http_500": status(500),
    "http_502": page(502),
    "http_503": status(503),
    "http_504": page(504),
    "http_520": page(520),
    "http_530": page(530),
    "access_denied": code("ACCESS_DENIED"),
    "internal_server_error": code("INTERNAL_SERVER_ERROR"),
    "shop_inactive": code("SHOP_INACTIVE"),
    "max_cost_exceeded": code("MAX_COST_EXCEEDED"),
    "throttled": code("THROTTLED"),
    "broken_json": is_broken,
    "empty": lambda reply: reply.status == 200 and reply.body == b"",
    "html": page(200),
    "list_body": lambda reply: isinstance(reply.json, list),
    "null_data": lambda reply: reply.json["data"] is None and "errors" not in reply.json,
    "errors_text": lambda reply: isinstance(reply.json["errors"], str),
    "cost_missing": lambda reply: reply.data and "extensions" not in reply.json,
    "throttle_missing": lambda reply: set(reply.cost) == {"requestedQueryCost", "actualQueryCost"},
    "numbers_as_text": lambda reply: (
        reply.cost["requestedQueryCost"] == "3"
        and reply.cost["throttleStatus"]["restoreRate"] == "100.0"
    ),
    "access_denied_partial": lambda reply: (
        reply.json["data"] == {"shop": {"name": "Amber Lamps", "email": f"owner@{SHOP}"},
                               "products": None}
        and reply.codes == ["ACCESS_DENIED"]
        and reply.json["errors"][0]["path"] == ["products"]
    ),
    "deprecated": lambda reply: reply.data and reply.headers["X-Shopify-API-Deprecated-Reason"],
}  # fmt: skip
ELSEWHERE = {"reset", "lost", "cut", "slow_body", "endless", "latency", "hang"}


def test_all_are_tested() -> None:
    assert SEEN.keys() | ELSEWHERE == FAULTS.keys()


@pytest.mark.parametrize("name", SEEN)
def test_a_fault_and_then_fine_weather(sandbox: AdminSandbox, app: Caller, name: str) -> None:
    sandbox.weather.set(name, times=1)
    faulty = app.graphql(QUERY)
    assert SEEN[name](faulty), faulty
    assert app.graphql(QUERY).data["products"]
    assert [one.operation for one in sandbox.seen] == ["Page", "Page"]
    assert sandbox.seen[0].status == faulty.status
    assert sandbox.report()["calls"] == 2
    assert len(sandbox._server.connections) == 1


def test_a_field_is_null_wherever_it_stands(sandbox: AdminSandbox, app: Caller) -> None:
    sandbox.weather.set("access_denied_partial", text="vendor")
    reply = app.graphql(QUERY)
    nodes = reply.json["data"]["products"]["nodes"]
    assert [node["vendor"] for node in nodes] == [None, None]
    assert all(node["id"] for node in nodes)
    paths = [error["path"] for error in reply.json["errors"]]
    assert paths == [["products", "nodes", number, "vendor"] for number in (0, 1)]
    assert reply.cost["actualQueryCost"] == 3


def test_reset(sandbox: AdminSandbox, app: Caller) -> None:
    sandbox.weather.set("reset", times=1)
    with pytest.raises(ConnectionResetError) as told:
        app.graphql(QUERY)
    # Its subclass would say that the connection ended in peace.
    assert type(told.value) is ConnectionResetError
    assert sandbox.bucket(SHOP).calls == 0
    assert sandbox.seen[0].status == 0
    app.connection.close()
    assert app.graphql(QUERY).data


def test_lost(sandbox: AdminSandbox, app: Caller) -> None:
    """The mutation has run, and its caller does not know: the key saves it."""
    shop = sandbox.world.shop(SHOP)
    item = shop.product(0)["variants"][0]["inventory_item_id"]
    mutation = """mutation($input: InventoryAdjustQuantitiesInput!) {
        inventoryAdjustQuantities(input: $input) @idempotent(key: "once") {
            inventoryAdjustmentGroup { changes { quantityAfterChange } } userErrors { code } } }"""
    change = {
        "delta": 3, "changeFromQuantity": None, "inventoryItemId": gid("InventoryItem", item),
        "locationId": gid("Location", shop.shop.locations[0]),
    }  # fmt: skip
    asks = {"input": {"reason": "correction", "name": "available", "changes": [change]}}
    place = shop.shop.locations[0]
    before = shop.quantity(item, place)
    sandbox.weather.set("lost", times=1)
    with pytest.raises(ConnectionResetError):
        app.graphql(mutation, asks)
    assert shop.quantity(item, place) == before + 3
    app.connection.close()
    assert not app.graphql(mutation, asks).data["inventoryAdjustQuantities"]["userErrors"]
    assert shop.quantity(item, place) == before + 3
    assert sandbox.bucket(SHOP).spent == 20


def test_cut(sandbox: AdminSandbox, app: Caller) -> None:
    whole = app.graphql(QUERY).body
    sandbox.weather.set("cut", times=1)
    with pytest.raises(http.client.IncompleteRead) as told:
        app.graphql(QUERY)
    assert whole.startswith(told.value.partial[:50])
    app.connection.close()
    assert app.graphql(QUERY).data


def test_slow_body(sandbox: AdminSandbox, app: Caller) -> None:
    sandbox.weather.set("slow_body", times=1, seconds=0.001)
    before = time.monotonic()
    reply = app.graphql("{ shop { name } }")
    assert reply.data["shop"]["name"] == "Amber Lamps"
    assert time.monotonic() - before >= 0.001 * len(reply.body)
    assert app.graphql(QUERY).data


def test_a_slow_body_is_finished_when_it_is_released(sandbox: AdminSandbox, app: Caller) -> None:
    sandbox.weather.set("slow_body", seconds=60)
    replies: list[Reply] = []
    thread = threading.Thread(target=lambda: replies.append(app.graphql(QUERY)))
    thread.start()
    wait_until(lambda: sandbox.seen, 30, "the answer is on its way")
    assert not replies
    sandbox.weather.clear()
    thread.join(30)
    assert replies[0].data


def test_endless(sandbox: AdminSandbox, app: Caller) -> None:
    sandbox.weather.set("endless", times=1, seconds=0.001)
    headers = {"Host": SHOP, "X-Shopify-Access-Token": app.token}
    body = json.dumps({"query": QUERY})
    app.connection.request("POST", "/admin/api/2026-07/graphql.json", body, headers)
    response = app.connection.getresponse()
    assert response.status == 200
    assert response.read(50) == b" " * 50
    response.close()
    app.connection.close()
    wait_until(lambda: not sandbox._server.connections, 30, "the server has noticed")
    assert app.graphql(QUERY).data


def test_latency(sandbox: AdminSandbox, app: Caller) -> None:
    sandbox.weather.set("latency", seconds=0.03, most_seconds=0.05, times=2)
    for _ in range(2):
        before = time.monotonic()
        assert app.graphql(QUERY).data
        assert time.monotonic() - before >= 0.03
    sandbox.weather.set("latency", seconds=0.03, times=1)
    sandbox.weather.set("http_503", times=1)
    before = time.monotonic()
    assert app.graphql(QUERY).status == 503
    assert time.monotonic() - before >= 0.03


def test_hang(sandbox: AdminSandbox, app: Caller) -> None:
    sandbox.weather.set("hang", shop=SHOP)
    other = Caller(sandbox, OTHER)
    replies: list[Reply] = []
    thread = threading.Thread(target=lambda: replies.append(app.graphql(QUERY)))
    thread.start()
    wait_until(lambda: sandbox.bucket(SHOP).flying, 30, "the call hangs")
    assert other.graphql(QUERY).data
    assert not replies
    assert other.post(WEATHER, {"name": "release"}).json["rules"][0]["name"] == "hang"
    thread.join(30)
    assert replies[0].data
    sandbox.weather.set("hang", shop=SHOP, seconds=0.01)
    assert app.graphql(QUERY).data
    other.close()


def test_token_exchanges_have_weather_of_their_own(sandbox: AdminSandbox, app: Caller) -> None:
    pair = app.exchange(code="c", expiring="1").json
    refresh = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
    sandbox.weather.set("http_520", on="token", times=1)
    assert app.exchange(**refresh).status == 520
    sandbox.weather.set("lost", on="token", times=1)
    with pytest.raises(ConnectionResetError):
        app.exchange(**refresh)
    app.connection.close()
    assert app.graphql(QUERY).data
    assert app.exchange(**refresh).status == 200
    assert sandbox.report()["token_exchanges"]["refresh_token"] == 2


def test_over_http(sandbox: AdminSandbox, app: Caller) -> None:
    told = app.get(WEATHER).json
    assert told["rules"] == []
    assert told["faults"].keys() == FAULTS.keys()
    rule = {"name": "http_429", "shop": SHOP, "times": 2, "seconds": 7.5}
    told = app.post(WEATHER, rule).json
    assert told["rules"] == [
        {**rule, "probability": 1.0, "on": "graphql", "most_seconds": None, "text": None}
    ]
    assert app.graphql(QUERY).headers["Retry-After"] == "7.5"
    assert app.get(WEATHER).json["rules"][0]["times"] == 1
    assert app.post(WEATHER, {"name": "clear", "shop": OTHER}).json["rules"]
    assert app.post(WEATHER, {"name": "clear"}).json["rules"] == []
    assert app.graphql(QUERY).data


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"name": "http_200"}, "no such fault: 'http_200'; there are http_401, http_402"),
        ({"name": "hang", "times": 0}, "times"),
        ({"name": "hang", "often": 3}, "often"),
        ({}, "name"),
        (b"{", "truncated"),
    ],
)
def test_what_is_no_weather(app: Caller, rule: Any, said: str) -> None:
    reply = app.post(WEATHER, rule)
    assert reply.status == 400
    assert said in reply.json["error"]
    assert app.get(WEATHER).json["rules"] == []
