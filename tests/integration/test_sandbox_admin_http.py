"""The sandbox's Admin API over real HTTP: who may ask, what is answered, what it is charged."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest

from avnu.clock import SystemClock
from avnu.sandbox import Store
from avnu.sandbox.admin import AdminSandbox, World
from avnu.sandbox.admin.gids import gid
from avnu.sandbox.shops import make_shops
from avnu.sandbox.store import FIRST_DAY
from tests.support.admin_sandbox import TOKEN_PATH, Caller, Reply
from tests.support.moved_clock import MovedClock
from tests.support.waiting import wait_until

SHOP, OTHER = "amber-lamps.myshopify.com", "birch-tea.myshopify.com"
NAME = "query Name { shop { name } }"
ADJUST = """mutation Adjust($input: InventoryAdjustQuantitiesInput!, $key: String!) {
    inventoryAdjustQuantities(input: $input) @idempotent(key: $key) {
        inventoryAdjustmentGroup { id createdAt reason changes {
            name delta quantityAfterChange item { id } location { id } } }
        userErrors { code field message } } }"""


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def sandbox(clock: MovedClock) -> Iterator[AdminSandbox]:
    with AdminSandbox(World(), clock) as running:
        yield running


@pytest.fixture
def app(sandbox: AdminSandbox) -> Iterator[Caller]:
    caller = Caller(sandbox, SHOP)
    yield caller
    caller.close()


def test_a_query(app: Caller) -> None:
    reply = app.graphql("""{ shop { id name myshopifyDomain currencyCode ianaTimezone
        plan { publicDisplayName partnerDevelopment shopifyPlus } primaryDomain { host }
        billingAddress { countryCodeV2 } } }""")
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "application/json; charset=utf-8"
    assert reply.data["shop"] == {
        "id": gid("Shop", app_id(app)),
        "name": "Amber Lamps",
        "myshopifyDomain": SHOP,
        "currencyCode": "USD",
        "ianaTimezone": "America/New_York",
        "plan": {"publicDisplayName": "Basic", "partnerDevelopment": False, "shopifyPlus": False},
        "primaryDomain": {"host": "amber-lamps.example.com"},
        "billingAddress": {"countryCodeV2": "US"},
    }
    assert reply.cost == {
        "requestedQueryCost": 4,
        "actualQueryCost": 4,
        "throttleStatus": {
            "maximumAvailable": 2000.0, "currentlyAvailable": 1996, "restoreRate": 100.0,
        },
    }  # fmt: skip


def app_id(app: Caller) -> int:
    return World().shop(app.shop).shop.id


def test_the_host_header_names_the_shop(sandbox: AdminSandbox, app: Caller) -> None:
    other = Caller(sandbox, OTHER.upper() + ":443", sandbox.tokens.issue(OTHER).access_token)
    assert other.graphql(NAME).data["shop"]["name"] == "Birch Tea"
    assert app.graphql(NAME).data["shop"]["name"] == "Amber Lamps"
    other.shop = "127.0.0.1"
    assert other.graphql(NAME).status == 404
    other.close()


def test_one_connection_carries_many_calls(sandbox: AdminSandbox, app: Caller) -> None:
    for _ in range(3):
        assert app.graphql(NAME).status == 200
        assert app.get("/sandbox/healthz").json == {"ok": True}
    assert len(sandbox._server.connections) == 1


def test_nodes(app: Caller) -> None:
    shop = World().shop(SHOP)
    product = shop.product(0)
    variant = product["variants"][0]
    ids = [
        variant["admin_graphql_api_id"], "gid://shopify/Product/1", gid("Product", product["id"]),
        gid("Location", shop.shop.locations[0]), gid("InventoryItem", variant["inventory_item_id"]),
    ]  # fmt: skip
    query = """query($ids: [ID!]!) { nodes(ids: $ids) { __typename id
        ... on Product { title } ... on ProductVariant { sku } ... on Location { isActive } } }"""
    assert app.graphql(query, {"ids": ids}).data["nodes"] == [
        {"__typename": "ProductVariant", "id": ids[0], "sku": "00000-0"},
        None,
        {"__typename": "Product", "id": ids[2], "title": product["title"]},
        {"__typename": "Location", "id": ids[3], "isActive": True},
        {"__typename": "InventoryItem", "id": ids[4]},
    ]
    query = "query($id: ID!) { productVariant(id: $id) { product { title } } node(id: $id) { id } }"
    assert app.graphql(query, {"id": ids[0]}).data == {
        "productVariant": {"product": {"title": product["title"]}}, "node": {"id": ids[0]},
    }  # fmt: skip


def test_locations(sandbox: AdminSandbox, app: Caller) -> None:
    query = """{ locations(first: 10, includeInactive: true) {
        nodes { id name isActive fulfillsOnlineOrders } pageInfo { hasNextPage } } }"""
    (place,) = app.graphql(query).data["locations"]["nodes"]
    (own_id,) = sandbox.world.shop(SHOP).shop.locations
    assert place == {
        "id": gid("Location", own_id), "name": "Amber Lamps Warehouse", "isActive": True,
        "fulfillsOnlineOrders": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        ("{", "", "Syntax Error"),
        ("{ nothing }", "", "Cannot query field 'nothing'"),
        ("query($first: Int!) { products(first: $first) { nodes { id } } }", "", "first"),
        ("{ products { nodes { id } } }", "BAD_REQUEST", "you must provide one of first or last"),
        ('{ product(id: "gid://shopify/Order/1") { id } }', "RESOURCE_NOT_FOUND", "Invalid id"),
        ('{ product(id: "17") { id } }', "argumentLiteralsIncompatible", "Invalid global id '17'"),
        ('{ node(id: "gid://shopify/Cow/1") { id } }', "RESOURCE_NOT_FOUND", "Invalid id"),
        ('{ products(first: 1, after: "x") { nodes { id } } }', "BAD_REQUEST", "Invalid cursor"),
        ('{ products(first: 1, after: "e30=") { nodes { id } } }', "BAD_REQUEST", "Invalid curs"),
        ('{ products(first: 1, query: "cow:1") { nodes { id } } }', "BAD_REQUEST", "'cow:1'"),
        ('{ products(first: 1, query: "id:x") { nodes { id } } }', "BAD_REQUEST", "filter `id`"),
        ("{ products(first: 250) { nodes { variants(first: 9) { nodes { id } } } } }",
         "MAX_COST_EXCEEDED", "Query cost is 2500"),
    ],
)  # fmt: skip
def test_errors_come_with_200(app: Caller, query: str, code: str, message: str) -> None:
    reply = app.graphql(query)
    assert reply.status == 200
    assert reply.codes == [code]
    assert message in reply.json["errors"][0]["message"]


def test_what_is_too_dear_takes_nothing(app: Caller) -> None:
    reply = app.graphql(
        "{ products(first: 250) { nodes { variants(first: 9) { nodes { id } } } } }"
    )
    assert "data" not in reply.json
    assert (reply.cost["requestedQueryCost"], reply.cost["actualQueryCost"]) == (2500, None)
    assert reply.cost["throttleStatus"]["currentlyAvailable"] == 2000


def test_throttled(sandbox: AdminSandbox, app: Caller, clock: MovedClock) -> None:
    dear = "{ products(first: 250) { nodes { variantsCount { count } } } }"
    for left in (1800, 1600):
        reply = app.graphql(dear)
        assert (reply.cost["requestedQueryCost"], reply.cost["actualQueryCost"]) == (500, 200)
        assert reply.cost["throttleStatus"]["currentlyAvailable"] == left
    with sandbox.bucket(SHOP).lock:
        sandbox.bucket(SHOP).take_for_a_stranger(1150)
    reply = app.graphql(dear)
    assert reply.status == 200
    assert reply.codes == ["THROTTLED"]
    assert reply.json["errors"][0]["message"] == "Throttled"
    assert "data" not in reply.json
    assert (reply.cost["requestedQueryCost"], reply.cost["actualQueryCost"]) == (500, None)
    assert reply.cost["throttleStatus"]["currentlyAvailable"] == 450
    clock.now += 0.5
    assert app.graphql(dear).cost["throttleStatus"]["currentlyAvailable"] == 300
    report = sandbox.report()
    assert report["throttled"] == 1
    assert (report["points_requested"], report["points_spent"]) == (1500, 600)


def test_a_plan_decides_how_much(sandbox: AdminSandbox) -> None:
    largest, *_, smallest = shops = make_shops(7, 60)
    with AdminSandbox(World(shops), SystemClock()) as other:
        assert other.bucket(largest.domain).capacity == 20_000
        assert other.bucket(smallest.domain).capacity == 2_000
    assert sandbox.change(SHOP, plan="enterprise").plan == "enterprise"
    caller = Caller(sandbox, SHOP)
    reply = caller.graphql("{ shop { plan { publicDisplayName shopifyPlus } } }")
    assert reply.cost["throttleStatus"]["restoreRate"] == 2_000
    assert reply.data["shop"]["plan"]["shopifyPlus"]
    caller.close()


def test_cost_debug(app: Caller) -> None:
    reply = app.graphql(NAME, Shopify_GraphQL_Cost_Debug="1")
    assert reply.cost["fields"] == [
        {"path": ["shop"], "definedCost": 1, "requestedTotalCost": 1, "requestedChildrenCost": 0}
    ]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/admin/api/2026-07/graphql.json", 400),
        ("/admin/api/2026-08/graphql.json", 404),
        ("/admin/api/2026-07/products.json", 404),
        ("/sandbox/nothing", 404),
    ],
)
def test_what_is_not_understood(app: Caller, path: str, status: int) -> None:
    headers = {"X-Shopify-Access-Token": app.token}
    for body in (b"{", b"[]", b'{"query": 1}', b'{"variables": {}}', b"\xff"):
        reply = app.post(path, body, headers)
        assert reply.status == status
        assert "errors" in reply.json


# --- webhook subscriptions ---

CREATE = """mutation($topic: WebhookSubscriptionTopic!, $uri: String!) {
    webhookSubscriptionCreate(topic: $topic, webhookSubscription: {uri: $uri}) {
        webhookSubscription { id topic uri format apiVersion { handle } }
        userErrors { field message } } }"""
LIST = "{ webhookSubscriptions(first: 10) { nodes { id topic uri apiVersion { handle } } } }"
DELETE = """mutation($id: ID!) { webhookSubscriptionDelete(id: $id) {
    deletedWebhookSubscriptionId userErrors { field message } } }"""


def test_subscriptions(sandbox: AdminSandbox, app: Caller) -> None:
    def create(topic: str, uri: str) -> Any:
        return app.graphql(CREATE, {"topic": topic, "uri": uri}).data["webhookSubscriptionCreate"]

    uri = "https://avnu.example.com/webhooks/shopify"
    made = create("PRODUCTS_UPDATE", uri)
    assert made["userErrors"] == []
    assert made["webhookSubscription"]["apiVersion"] == {"handle": "2026-07"}
    again = create("PRODUCTS_UPDATE", uri)
    assert again == {
        "webhookSubscription": None,
        "userErrors": [{
            "field": ["webhookSubscription", "callbackUrl"],
            "message": "Address for this topic has already been taken",
        }],
    }  # fmt: skip
    for wrong in ("", "http://avnu.example.com/", "https://localhost/", "avnu"):
        (fault,) = create("ORDERS_CREATE", wrong)["userErrors"]
        assert fault["message"].startswith("Address ")
    assert not create("ORDERS_CREATE", uri)["userErrors"]
    assert not create("ORDERS_PAID", "pubsub://my-project:my-topic")["userErrors"]
    listed = app.graphql(LIST).data["webhookSubscriptions"]["nodes"]
    assert {one["topic"] for one in listed} == {"PRODUCTS_UPDATE", "ORDERS_CREATE", "ORDERS_PAID"}
    own_id = made["webhookSubscription"]["id"]
    gone = app.graphql(DELETE, {"id": own_id}).data["webhookSubscriptionDelete"]
    assert gone == {"deletedWebhookSubscriptionId": own_id, "userErrors": []}
    (fault,) = app.graphql(DELETE, {"id": own_id}).data["webhookSubscriptionDelete"]["userErrors"]
    assert fault == {"field": ["id"], "message": "Webhook subscription does not exist"}
    assert len(app.graphql(LIST).data["webhookSubscriptions"]["nodes"]) == 2
    assert not sandbox.world.shop(OTHER).subscriptions.all()


# --- the mutation that must not run twice ---


def change(sandbox: AdminSandbox, delta: int, **more: Any) -> dict[str, Any]:
    shop = sandbox.world.shop(SHOP)
    item = shop.product(0)["variants"][0]["inventory_item_id"]
    row = {
        "delta": delta, "changeFromQuantity": None,
        "inventoryItemId": gid("InventoryItem", item),
        "locationId": gid("Location", shop.shop.locations[0]),
    }  # fmt: skip
    return {"reason": "correction", "name": "available", "changes": [{**row, **more}]}


def quantity(app: Caller, sandbox: AdminSandbox) -> int:
    variant = sandbox.world.shop(SHOP).product(0)["variants"][0]["admin_graphql_api_id"]
    query = "query($id: ID!) { productVariant(id: $id) { inventoryQuantity } }"
    return int(app.graphql(query, {"id": variant}).data["productVariant"]["inventoryQuantity"])


def adjusted(reply: Reply) -> Any:
    return reply.data["inventoryAdjustQuantities"]


def test_the_same_key_again_changes_nothing(sandbox: AdminSandbox, app: Caller) -> None:
    before = quantity(app, sandbox)
    asks = {"input": change(sandbox, 5), "key": "k1"}
    first = adjusted(app.graphql(ADJUST, asks))
    assert first["userErrors"] == []
    (row,) = first["inventoryAdjustmentGroup"]["changes"]
    assert (row["delta"], row["quantityAfterChange"]) == (5, before + 5)
    assert adjusted(app.graphql(ADJUST, asks)) == first
    assert quantity(app, sandbox) == before + 5
    other = adjusted(app.graphql(ADJUST, {"input": change(sandbox, 6), "key": "k1"}))
    assert other["inventoryAdjustmentGroup"] is None
    assert [fault["code"] for fault in other["userErrors"]] == [
        "IDEMPOTENCY_KEY_PARAMETER_MISMATCH"
    ]
    assert quantity(app, sandbox) == before + 5
    assert adjusted(app.graphql(ADJUST, {**asks, "key": "k2"})) != first
    assert quantity(app, sandbox) == before + 10


def test_a_key_is_mandatory_since_2026_04(sandbox: AdminSandbox, app: Caller) -> None:
    bare = ADJUST.replace(" @idempotent(key: $key)", "").replace(", $key: String!", "")
    before = quantity(app, sandbox)
    reply = app.graphql(bare, {"input": change(sandbox, 5)}, "2026-04")
    assert reply.codes == ["BAD_REQUEST"]
    assert reply.json["data"] == {"inventoryAdjustQuantities": None}
    assert "@idempotent directive is required" in reply.json["errors"][0]["message"]
    assert quantity(app, sandbox) == before
    assert not adjusted(app.graphql(bare, {"input": change(sandbox, 5)}, "2026-01"))["userErrors"]
    assert quantity(app, sandbox) == before + 5


def test_a_quantity_to_compare_with(sandbox: AdminSandbox, app: Caller) -> None:
    before = quantity(app, sandbox)
    believed = change(sandbox, -1, changeFromQuantity=before + 1)
    (fault,) = adjusted(app.graphql(ADJUST, {"input": believed, "key": "a"}))["userErrors"]
    assert fault["code"] == "CHANGE_FROM_QUANTITY_STALE"
    believed = change(sandbox, -1, changeFromQuantity=before)
    assert not adjusted(app.graphql(ADJUST, {"input": believed, "key": "b"}))["userErrors"]
    assert quantity(app, sandbox) == before - 1
    unsaid = change(sandbox, -1)
    del unsaid["changes"][0]["changeFromQuantity"]
    assert app.graphql(ADJUST, {"input": unsaid, "key": "c"}).codes == ["INVALID_FIELD_ARGUMENTS"]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"reason": "because"}, "INVALID_REASON"),
        ({"name": "lost"}, "INVALID_QUANTITY_NAME"),
    ],
)
def test_user_errors(sandbox: AdminSandbox, app: Caller, wrong: dict[str, str], code: str) -> None:
    asks = {"input": {**change(sandbox, 1), **wrong}, "key": "k"}
    (fault,) = adjusted(app.graphql(ADJUST, asks))["userErrors"]
    assert fault["code"] == code


def test_one_wrong_change_stops_all(sandbox: AdminSandbox, app: Caller) -> None:
    before = quantity(app, sandbox)
    good = change(sandbox, 1)
    item = change(sandbox, 1, inventoryItemId="gid://shopify/InventoryItem/1")["changes"]
    place = change(sandbox, 1, locationId="gid://shopify/Location/1")["changes"]
    asks = {**good, "changes": [*good["changes"], *item, *place]}
    faults = adjusted(app.graphql(ADJUST, {"input": asks, "key": "k"}))["userErrors"]
    assert [(fault["code"], fault["field"][2]) for fault in faults] == [
        ("INVALID_INVENTORY_ITEM", "1"), ("INVALID_LOCATION", "2"),
    ]  # fmt: skip
    assert quantity(app, sandbox) == before
    many = {**good, "changes": good["changes"] * 251}
    assert app.graphql(ADJUST, {"input": many, "key": "l"}).codes == ["MAX_INPUT_SIZE_EXCEEDED"]


# --- tokens and standing ---


def test_tokens(sandbox: AdminSandbox, app: Caller, clock: MovedClock) -> None:
    first = app.exchange(code="any", expiring="1").json
    assert {name: first[name] for name in ("expires_in", "refresh_token_expires_in")} == {
        "expires_in": 3600, "refresh_token_expires_in": 7_776_000,
    }  # fmt: skip
    app.token = first["access_token"]
    assert app.graphql(NAME).status == 200
    clock.now += 3600
    reply = app.graphql(NAME)
    assert reply.status == 401
    assert reply.json == {
        "errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"
    }
    refresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = app.exchange(**refresh).json
    app.token = second["access_token"]
    assert app.graphql(NAME).status == 200
    # The answer might have been lost: the old one is good until the new one is used.
    third = app.exchange(**refresh).json
    assert app.exchange(**{**refresh, "refresh_token": third["refresh_token"]}).status == 200
    dead = app.exchange(**{**refresh, "refresh_token": second["refresh_token"]})
    assert (dead.status, dead.json["error"]) == (400, "invalid_grant")
    assert sandbox.report()["token_exchanges"] == {
        "authorization_code": 1, "refresh_token": 3, "refused": 1,
    }  # fmt: skip


def test_a_lasting_token_and_credentials(app: Caller, clock: MovedClock) -> None:
    lasting = app.exchange(code="any").json
    assert set(lasting) == {"access_token", "scope"}
    clock.now += 86_400 * 400
    app.token = lasting["access_token"]
    assert app.graphql(NAME).status == 200
    day = app.exchange(grant_type="client_credentials").json
    assert set(day) == {"access_token", "scope", "expires_in"}
    form = b"client_id=sandbox-client-id&client_secret=sandbox-client-secret&code=c&expiring=1"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert "refresh_token" in app.post(TOKEN_PATH, form, kind).json


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"client_id": "other", "code": "c"}, "application_cannot_be_found"),
        ({"client_secret": "other", "code": "c"}, "invalid_client"),
        ({"code": ""}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, "invalid_grant"),
    ],
)
def test_refused_exchanges(app: Caller, wrong: dict[str, str], word: str) -> None:
    reply = app.exchange(**wrong)
    assert (reply.status, reply.json["error"]) == (400, word)
    assert app.post(TOKEN_PATH, b"{").status == 400


def test_a_token_of_another_shop(sandbox: AdminSandbox, app: Caller) -> None:
    app.token = sandbox.tokens.issue(OTHER).access_token
    assert app.graphql(NAME).status == 401


def test_how_a_shop_stands(sandbox: AdminSandbox, app: Caller) -> None:
    path = f"/sandbox/shops/{SHOP}"
    assert app.post(path, {"frozen": True}).json["frozen"]
    assert app.graphql(NAME).status == 402
    assert app.post(path, {"frozen": False, "locked": True}).json["locked"]
    assert app.graphql(NAME).status == 423
    pair = app.exchange(code="any", expiring="1").json
    told = app.post(path, {"locked": False, "uninstalled": True, "plan": "advanced"}).json
    assert told["uninstalled"]
    assert told["bucket"]["maximumAvailable"] == 4000
    app.token = pair["access_token"]
    assert app.graphql(NAME).status == 401
    asks = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
    assert app.exchange(**asks).json["error"] == "invalid_grant"
    assert app.exchange(grant_type="client_credentials").json["error"] == "app_not_installed"
    app.token = app.exchange(code="again").json["access_token"]
    assert app.graphql(NAME).status == 200
    assert not sandbox.standing(SHOP).uninstalled
    assert app.post(path, {"plan": "golden"}).status == 400
    assert app.post(path, {"colour": "red"}).status == 400
    assert app.get("/sandbox/shops/nothing").status == 404


# --- counting ---


def test_a_day_that_was_played_elsewhere(sandbox: AdminSandbox, app: Caller) -> None:
    day = {"seed": 3, "shops": 4, "deliveries": 300, "start": FIRST_DAY}
    taken = app.post("/sandbox/day", day).json["shops"]
    events = [one for one in Store(3, 4).events(300) if one.topic == "products/update"]
    shop, body = events[-1].shop.domain, json.loads(events[-1].body)
    assert shop in taken
    told = Caller(sandbox, shop)
    query = "query($id: ID!) { product(id: $id) { title updatedAt } }"
    product = told.graphql(query, {"id": body["admin_graphql_api_id"]}).data["product"]
    told.close()
    assert product["title"] == body["title"]
    assert datetime.fromisoformat(product["updatedAt"]) >= datetime.fromisoformat(
        body["updated_at"]
    )
    for wrong in ({"shops": 0}, {"days": 301}, {"most_products": 1}, {"most_variants": 2001}):
        assert app.post("/sandbox/day", {**day, **wrong}).status == 400


def test_two_days_of_shops_with_other_catalogues(sandbox: AdminSandbox, app: Caller) -> None:
    day = {"seed": 3, "shops": 4, "deliveries": 300, "start": FIRST_DAY, "days": 2}
    sizes = {"most_products": 90, "most_variants": 400}
    shop = app.post("/sandbox/day", {**day, **sizes}).json["shops"][0]
    told = Caller(sandbox, shop)
    query = """query($ids: [ID!]!) {
        nodes(ids: $ids) { ... on Product { variantsCount { count } } } }"""
    ids = [gid("Product", one) for one in sandbox.world.shop(shop).product_ids()]
    nodes = told.graphql(query, {"ids": ids}).data["nodes"]
    counts = [one["variantsCount"]["count"] for one in nodes]
    told.close()
    assert 90 <= len(counts) < 120
    assert max(counts) >= 400
    moments = {order["updated_at"][:10] for order in sandbox.world.shop(shop).truth().orders()}
    assert len(moments) > 1


def test_shops_that_have_left_are_named_and_can_be_closed(
    sandbox: AdminSandbox, app: Caller
) -> None:
    """A played world does not close them by itself: their last webhooks are still to be sent."""
    day = {"seed": 3, "shops": 6, "deliveries": 300, "start": FIRST_DAY}
    told = app.post("/sandbox/day", day).json
    assert told["left"] == sorted(Store(3, 6).left(300))
    assert len(told["left"]) == 2
    assert set(told["left"]) < set(told["shops"])
    gone = Caller(sandbox, told["left"][0])
    pair = gone.exchange(code="any", expiring="1").json
    gone.token = pair["access_token"]
    assert gone.graphql(NAME).status == 200
    app.post(f"/sandbox/shops/{gone.shop}", {"uninstalled": True})
    assert gone.graphql(NAME).status == 401
    again = gone.exchange(grant_type="refresh_token", refresh_token=pair["refresh_token"])
    assert (again.status, again.json["error"]) == (400, "invalid_grant")
    gone.token = sandbox.tokens.issue(gone.shop).access_token
    assert gone.graphql(NAME).status == 401, "no token is good while the app is not there"
    gone.close()


def test_the_report(sandbox: AdminSandbox, app: Caller, clock: MovedClock) -> None:
    app.graphql(NAME)
    clock.now += 1
    app.graphql("query A { shop { id } } query B { shop { id } }")
    app.graphql("{ shop { id } }", version="1999-01")
    app.post("/admin/api/2026-07/graphql.json", b"?", {"X-Shopify-Access-Token": app.token})
    report = app.get("/sandbox/report").json
    assert report == sandbox.report()
    assert report["calls"] == 4
    assert report["answered"] == {"ok": 1, "errors": 1, "http_404": 1, "http_400": 1}
    assert report["operations"] == {"Name": 1, "": 3}
    assert report["shops"] == {
        SHOP: {"calls": 4, "throttled": 0, "points_requested": 1, "points_spent": 1}
    }
    assert [tuple(one) for one in sandbox.seen] == [
        (clock.now - 1, SHOP, 200, "Name"),
        (clock.now, SHOP, 200, ""),
        (clock.now, SHOP, 404, ""),
        (clock.now, SHOP, 400, ""),
    ]


def test_the_operation_that_runs_is_named(sandbox: AdminSandbox, app: Caller) -> None:
    text = "query A { shop { id } } query B { shop { name } }"
    for name in ("B", "C"):
        document = {"query": text, "operationName": name}
        headers = {"X-Shopify-Access-Token": app.token}
        reply = app.post("/admin/api/2026-07/graphql.json", document, headers)
        assert ("errors" in reply.json) == (name == "C")
    assert sandbox.report()["operations"] == {"B": 1, "": 1}


def test_what_is_seen_is_bounded() -> None:
    with AdminSandbox(World(), SystemClock(), most_seen=3) as sandbox:
        caller = Caller(sandbox, SHOP)
        for number in range(5):
            caller.graphql(f"query N{number} {{ shop {{ id }} }}")
        assert [one.operation for one in sandbox.seen] == ["N2", "N3", "N4"]
        caller.close()


def test_many_at_once(sandbox: AdminSandbox) -> None:
    """Of one bucket in still time nothing is lost, and nothing is spent twice."""
    query = "{ products(first: 50) { nodes { id variantsCount { count } } } }"

    def caller(_: int) -> list[Reply]:
        own = Caller(sandbox, SHOP)
        replies = [own.graphql(query) for _ in range(10)]
        own.close()
        return replies

    with ThreadPoolExecutor(8) as pool:
        replies = [reply for part in pool.map(caller, range(8)) for reply in part]
    bucket = sandbox.bucket(SHOP)
    fine = [reply for reply in replies if "data" in reply.json]
    assert len(replies) == bucket.calls == 80
    assert len(fine) == 20
    assert len(replies) - len(fine) == bucket.throttled
    assert (bucket.spent, bucket.flying, bucket.available) == (2000, 0, 0)


def test_points_are_gone_while_a_call_is_under_way(sandbox: AdminSandbox, app: Caller) -> None:
    sandbox.weather.set("hang", times=1)
    bucket = sandbox.bucket(SHOP)
    replies: list[Reply] = []
    thread = threading.Thread(
        target=lambda: replies.append(
            app.graphql("{ products(first: 9) { pageInfo { endCursor } } }")
        )
    )
    thread.start()
    wait_until(lambda: bucket.flying, 30, "the call is under way")
    assert (bucket.flying, bucket.available) == (9, 1991)
    assert sandbox.report()["calls"] == 1
    assert sandbox.seen == []
    sandbox.weather.release()
    thread.join(30)
    assert replies[0].cost["actualQueryCost"] == 1
    assert (bucket.flying, bucket.available) == (0, 1999)


def test_it_ends_with_calls_under_way() -> None:
    sandbox = AdminSandbox(World(), SystemClock())
    sandbox.start()
    sandbox.weather.set("hang")
    caller = Caller(sandbox, SHOP)
    replies: list[Reply] = []
    thread = threading.Thread(target=lambda: replies.append(caller.graphql(NAME)))
    thread.start()
    wait_until(lambda: sandbox.report()["calls"], 30, "the call has arrived")
    before = set(threading.enumerate())
    sandbox.close()
    thread.join(30)
    assert replies[0].data
    assert not [one for one in before if one.name.startswith("sandbox-admin") and one.is_alive()]
    assert sandbox._server.connections == {}
    with pytest.raises(ConnectionRefusedError):
        Caller(sandbox, SHOP).graphql(NAME)
    caller.close()


def test_one_that_never_began_ends_too() -> None:
    sandbox = AdminSandbox(World(), SystemClock())
    sandbox.close()
