"""A small receiver over real HTTP, by the rules of ``receiver_rules.py``, that can misbehave."""

import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.receiver_rules import ReceiverRules

SECRET = "hush"


class StubReceiver(ThreadingHTTPServer):
    """A receiver by the rules. ``misbehave`` sees each request first and may answer itself."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), StubHandler)
        self.rules = ReceiverRules(SECRET)
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.connections = 0
        self.released = threading.Event()
        self.misbehave: Any = lambda *_: False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/webhooks/shopify"

    def ids(self) -> list[str]:
        return [headers["X-Shopify-Webhook-Id"] for headers, _ in self.requests]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A courier that hangs up is part of the test."""


class StubHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StubReceiver

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        if status := self.server.rules.refuses_length(length):
            self.close_connection = True
            self.answer(status)
            # What is unread at the close resets the connection, and the answer may go with it.
            with contextlib.suppress(OSError):
                while self.rfile.read1(1 << 16):
                    pass
            return
        body = self.rfile.read(length)
        headers = dict(self.headers.items())
        self.server.requests.append((headers, body))
        if not self.server.misbehave(self, headers, body):
            self.answer(self.server.rules.judge(headers, body))

    def answer(self, status: int) -> None:
        self.send_response_only(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Silent."""


@contextmanager
def serving() -> Iterator[StubReceiver]:
    """A running stub; what hangs in it is released at the end."""
    with StubReceiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.released.set()
            server.shutdown()
            thread.join()
