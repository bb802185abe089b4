"""Shopify's token endpoint as a small real HTTP server that counts, and misbehaves on demand.

Its rule for refresh tokens (shopify.dev, changelog of 2026-08-28): the one that was used stays
good until its replacement is used.
"""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from avnu.secret import Secret
from avnu.store.pairs import TokenPair

SHOP = "amber-lamps.myshopify.com"
CLIENT_ID = "made-up-client-id"
CLIENT_SECRET = "shpss_made_up_client_secret"


def mark_of(token: str) -> str:
    """What tests compare instead of tokens."""
    return hashlib.sha256(token.encode()).hexdigest()[:16]


def pair_at(server: "TokenServer", expires_in_s: float | None) -> TokenPair:
    """The pair that the server has given out last."""
    return TokenPair(Secret(server.access), Secret(server.current), expires_in_s, 7_776_000.0)


class TokenServer(ThreadingHTTPServer):
    """``current`` and ``before`` are the refresh tokens that are good.

    ``answers`` replaces the answers to come, first to last: (status, bytes), or a function that
    changes the good answer. ``hold`` is waited for before each answer.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.current = "shprt_made_up_0"
        self.before: str | None = None
        self.access = "shpat_made_up_0"
        self.issued: list[str] = [self.current, self.access]
        self.requests: list[dict[str, Any]] = []
        self.answers: list[tuple[int, bytes] | Callable[[dict[str, Any]], dict[str, Any]]] = []
        self.hold = threading.Event()
        self.hold.set()
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()
        self.expires_in = 3600.0

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def live(self) -> str:
        """The mark of the newest access token."""
        return mark_of(self.access)

    def answer(self, asked: dict[str, Any]) -> tuple[int, bytes]:
        """What Shopify would say; counts."""
        with self.lock:
            self.requests.append(asked)
            scripted = self.answers.pop(0) if self.answers else None
            if isinstance(scripted, tuple):
                return scripted
            if (asked.get("client_id"), asked.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
                return 400, b'{"error":"application_cannot_be_found"}'
            good = asked.get("refresh_token") in (self.current, self.before)
            if asked.get("grant_type") != "refresh_token" or not good:
                return 400, b'{"error":"invalid_grant","error_description":"of no more use"}'
            pair = self._issue(str(asked["refresh_token"]))
            return 200, json.dumps(scripted(pair) if scripted else pair).encode()

    def _issue(self, used: str) -> dict[str, Any]:
        number = len(self.requests)
        # The one before is retired by the use of its replacement, and by nothing else.
        self.before, self.current = used, f"shprt_made_up_{number}"
        self.access = f"shpat_made_up_{number}"
        self.issued += [self.current, self.access]
        return {
            "access_token": self.access,
            "expires_in": self.expires_in,
            "refresh_token": self.current,
            "refresh_token_expires_in": 7_776_000,
            "scope": "read_products",
        }

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that was killed is part of the test."""


class _Handler(BaseHTTPRequestHandler):
    server: TokenServer

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.at_once += 1
            self.server.most_at_once = max(self.server.most_at_once, self.server.at_once)
        try:
            status, body = self.server.answer(asked)
            self.server.hold.wait(30)
        finally:
            with self.server.lock:
                self.server.at_once -= 1
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silent."""


@contextmanager
def serving() -> Iterator[TokenServer]:
    with TokenServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.hold.set()
            server.shutdown()
            thread.join()
