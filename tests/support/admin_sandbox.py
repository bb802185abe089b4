"""The sandbox's Admin API in tests: time moved by hand, and a caller that hides nothing."""

import http.client
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from avnu.sandbox.admin import CLIENT_ID, CLIENT_SECRET, AdminSandbox

TOKEN_PATH = "/admin/oauth/access_token"


class Reply(NamedTuple):
    """One HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def data(self) -> Any:
        assert "errors" not in self.json, self.json
        return self.json["data"]

    @property
    def cost(self) -> Any:
        return self.json["extensions"]["cost"]

    @property
    def codes(self) -> list[str]:
        """Of the errors, in their order; each error has a message."""
        assert all(error["message"] for error in self.json["errors"])
        return [error.get("extensions", {}).get("code", "") for error in self.json["errors"]]


class Caller:
    """One shop's app, on one connection that is kept."""

    def __init__(self, sandbox: AdminSandbox, shop: str, token: str | None = None) -> None:
        self.shop = shop
        self.token = sandbox.tokens.issue(shop).access_token if token is None else token
        self.connection = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=30)

    def graphql(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        version: str = "2026-07",
        **headers: str,
    ) -> Reply:
        path = f"/admin/api/{version}/graphql.json"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        document = {"query": query, "variables": variables}
        return self.post(path, document, {"X-Shopify-Access-Token": self.token, **named})

    def post(self, path: str, document: Any, headers: Mapping[str, str] | None = None) -> Reply:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        kind = {"Content-Type": "application/json"}
        return self._ask("POST", path, body, {**kind, **(headers or {})})

    def get(self, path: str) -> Reply:
        return self._ask("GET", path, None, {})

    def exchange(self, **fields: Any) -> Reply:
        """Ask for tokens as the app that the sandbox was started with."""
        app = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        return self.post(TOKEN_PATH, {**app, **fields})

    def _ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        self.connection.request(method, path, body, {"Host": self.shop, **headers})
        response = self.connection.getresponse()
        return Reply(response.status, dict(response.headers), response.read())

    def close(self) -> None:
        self.connection.close()
