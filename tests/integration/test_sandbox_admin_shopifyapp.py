"""Shopify's own Python client on the sandbox: whatever it asks and understands, over real HTTP.

Nothing of it is replaced but where ``https://<shop>.myshopify.com`` lies, and its pauses.
"""

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from shopify_app.exchange import exchange_using_client_credentials, token_exchange
from shopify_app.exchange.refresh_token import refresh_access_token
from shopify_app.graphql import admin_graphql_request
from shopify_app.types import AppConfig, GQLResult, TokenExchangeAccessToken

from avnu.clock import SystemClock
from avnu.sandbox.admin import CLIENT_ID, CLIENT_SECRET, AdminSandbox, World
from avnu.sandbox.admin.gids import gid

SHOP, DOMAIN = "amber-lamps", "amber-lamps.myshopify.com"
APP = AppConfig(client_id=CLIENT_ID, client_secret=CLIENT_SECRET, old_client_secret=None)
NAME = "query Name { shop { name } }"


class ToSandbox(httpx.BaseTransport):
    """Connects to the sandbox instead of the shop; the Host header stays the shop's."""

    def __init__(self, sandbox: AdminSandbox) -> None:
        self._origin = httpx.URL(sandbox.origin)
        self._inner = httpx.HTTPTransport(verify=False)
        self.asked: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        there = {"scheme": "http", "host": self._origin.host, "port": self._origin.port}
        request.url = request.url.copy_with(**there)
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()


@pytest.fixture
def sandbox() -> Iterator[AdminSandbox]:
    with AdminSandbox(World(), SystemClock()) as running:
        yield running


@pytest.fixture
def client(sandbox: AdminSandbox) -> Iterator[httpx.Client]:
    with httpx.Client(transport=ToSandbox(sandbox), trust_env=False) as made:
        yield made


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that it would have made."""
    pauses: list[float] = []
    module = "shopify_app.graphql.admin_graphql.time"
    monkeypatch.setattr(module, SimpleNamespace(sleep=pauses.append))
    return pauses


@pytest.fixture
def token(client: httpx.Client) -> str:
    return acquired(client).token


def acquired(client: httpx.Client, *, expiring: bool = True) -> TokenExchangeAccessToken:
    """A first pair, as its token exchange gets it."""
    id_token = {"exchangeable": True, "token": "header.claims.mark", "claims": {"dest": DOMAIN}}
    result = token_exchange("offline", APP, id_token, expiring=expiring, http_client=client)
    assert result.ok, result.log
    assert result.access_token is not None
    return result.access_token


def ask(client: httpx.Client, token: str, query: str, **variables: Any) -> GQLResult:
    return admin_graphql_request(
        query, SHOP, token, "2026-07", variables=variables, http_client=client
    )


def code(result: GQLResult) -> str:
    """The code of the one error in the body."""
    (error,) = json.loads(result.response.body)["errors"]
    return str(error["extensions"]["code"])


def test_a_query(client: httpx.Client, token: str) -> None:
    result = ask(client, token, NAME)
    assert result.ok
    assert result.data == {"shop": {"name": "Amber Lamps"}}
    assert result.extensions is not None
    assert result.extensions["cost"]["requestedQueryCost"] == 1
    assert result.extensions["cost"]["throttleStatus"]["restoreRate"] == 100


def test_pages(sandbox: AdminSandbox, client: httpx.Client, token: str) -> None:
    query = """query($after: String) { products(first: 40, after: $after) {
        nodes { id } pageInfo { hasNextPage endCursor } } }"""
    seen: list[str] = []
    after = None
    while True:
        result = ask(client, token, query, after=after)
        assert result.data is not None
        page = result.data["products"]
        seen += [node["id"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == [gid("Product", one) for one in sandbox.world.shop(DOMAIN).product_ids()]
    assert sandbox.report()["calls"] == 3


def test_a_mutation_and_its_user_errors(client: httpx.Client, token: str) -> None:
    mutation = """mutation($uri: String!) { webhookSubscriptionCreate(
        topic: ORDERS_CREATE, webhookSubscription: {uri: $uri}
    ) { webhookSubscription { id } userErrors { field message } } }"""
    messages = []
    for uri in ("https://avnu.example.com/", "https://avnu.example.com/", "http://avnu.example/"):
        result = ask(client, token, mutation, uri=uri)
        assert result.ok
        assert result.data is not None
        errors = result.data["webhookSubscriptionCreate"]["userErrors"]
        messages.append([error["message"] for error in errors])
    assert messages == [
        [],
        ["Address for this topic has already been taken"],
        ["Address protocol http:// is not supported"],
    ]


def test_an_unknown_token(client: httpx.Client) -> None:
    result = ask(client, "shpat_made_up", NAME)
    assert (result.ok, result.log.code, result.response.status) == (False, "unauthorized", 401)


def test_throttled(sandbox: AdminSandbox, client: httpx.Client, token: str) -> None:
    bucket = sandbox.bucket(DOMAIN)
    with bucket.lock:
        bucket.take_for_a_stranger(1950)
    result = ask(client, token, "{ products(first: 250) { nodes { id } } }")
    assert (result.ok, result.log.code, code(result)) == (False, "graphql_errors", "THROTTLED")
    assert bucket.throttled == 1


@pytest.mark.parametrize(
    "query",
    ["{", "{ nothing }", "{ products { nodes { id } } }", '{ product(id: "x") { id } }'],
)
def test_errors_of_a_query(client: httpx.Client, token: str, query: str) -> None:
    assert ask(client, token, query).log.code == "graphql_errors"


def test_it_tries_again_after_429(
    sandbox: AdminSandbox, client: httpx.Client, token: str, slept: list[float]
) -> None:
    sandbox.weather.set("http_429", times=2)
    result = ask(client, token, NAME)
    assert result.ok
    assert [log.code for log in result.http_logs] == ["rate_limited_retry"] * 2 + ["success"]
    assert len(slept) == 2
    assert [one.status for one in sandbox.seen] == [429, 429, 200]


@pytest.mark.parametrize("status", [502, 503, 504])
def test_it_tries_again_after_5xx(
    sandbox: AdminSandbox, client: httpx.Client, token: str, slept: list[float], status: int
) -> None:
    sandbox.weather.set(f"http_{status}", times=1)
    assert ask(client, token, NAME).ok
    sandbox.weather.set(f"http_{status}")
    assert ask(client, token, NAME).log.code == f"http_error_{status}"
    assert len(slept) == 3
    assert [one.status for one in sandbox.seen] == [status, 200, status, status, status]


@pytest.mark.parametrize("status", [402, 403, 404, 423, 430, 500, 520])
def test_it_gives_up_on_others(
    sandbox: AdminSandbox, client: httpx.Client, token: str, status: int
) -> None:
    sandbox.weather.set(f"http_{status}")
    result = ask(client, token, NAME)
    assert (result.log.code, result.response.status) == (f"http_error_{status}", status)
    assert len(sandbox.seen) == 1


@pytest.mark.parametrize("fault", ["reset", "lost", "cut"])
def test_a_broken_connection(
    sandbox: AdminSandbox, client: httpx.Client, token: str, fault: str
) -> None:
    sandbox.weather.set(fault, times=1)
    assert ask(client, token, NAME).log.code == "network_error"
    assert ask(client, token, NAME).ok


@pytest.mark.parametrize("fault", ["access_denied", "internal_server_error", "shop_inactive"])
def test_errors_in_the_body(
    sandbox: AdminSandbox, client: httpx.Client, token: str, fault: str
) -> None:
    sandbox.weather.set(fault)
    assert code(ask(client, token, NAME)) == fault.upper()


def test_tokens_are_rotated(sandbox: AdminSandbox, client: httpx.Client) -> None:
    # It refreshes only what ends within a minute.
    sandbox.tokens.token_life_s = 30
    pairs = [acquired(client)]
    for _ in range(3):
        result = refresh_access_token(pairs[-1], APP, client)
        assert result.ok, result.log
        assert result.log.code == "success"
        assert result.access_token is not None
        assert result.access_token.scope
        pairs.append(result.access_token)
    assert len({pair.token for pair in pairs} | {pair.refresh_token for pair in pairs}) == 8
    assert all(ask(client, pair.token, NAME).ok for pair in pairs)
    dead = refresh_access_token(pairs[0], APP, client)
    assert dead.log.code == "invalid_grant"
    sandbox.change(DOMAIN, uninstalled=True)
    assert refresh_access_token(pairs[-1], APP, client).log.code == "invalid_grant"
    assert ask(client, pairs[-1].token, NAME).log.code == "unauthorized"


def test_a_pair_says_how_long_it_is_good(client: httpx.Client) -> None:
    pair = acquired(client)
    assert pair.expires is not None
    assert pair.refresh_token_expires is not None
    assert refresh_access_token(pair, APP, client).log.code == "token_still_valid"
    lasting = acquired(client, expiring=False)
    assert (lasting.expires, lasting.refresh_token) == (None, None)
    assert ask(client, lasting.token, NAME).ok


def test_client_credentials(sandbox: AdminSandbox, client: httpx.Client) -> None:
    result = exchange_using_client_credentials(SHOP, APP, client)
    assert result.ok, result.log
    assert result.access_token is not None
    assert result.access_token.expires is not None
    assert ask(client, result.access_token.token, NAME).ok
    wrong = AppConfig(**{**APP, "client_secret": "other"})
    refused = exchange_using_client_credentials(SHOP, wrong, client)
    assert refused.log.code == "invalid_client"
    sandbox.weather.set("http_503", on="token", times=3)
    sandbox.tokens.token_life_s = 30
    pair = sandbox.tokens.issue(DOMAIN)
    fields = {
        "shop": SHOP, "token": pair.access_token, "refresh_token": pair.refresh_token,
        "expires": "", "refresh_token_expires": "", "access_mode": "offline",
    }  # fmt: skip
    assert refresh_access_token(fields, APP, client).log.code == "server_error"
    assert refresh_access_token(fields, APP, client).ok
