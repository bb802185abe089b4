"""A small Shopify: one leaky bucket per shop with Shopify's rules, outages on demand.

The requested cost must fit when a call arrives, is taken, and what was not used is given back when
the call ends (help.shopify.com, GraphQL Admin API rate limits). Counts what it sees.
"""

import json
import random
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from avnu.clock import SystemClock
from avnu.sandbox.admin.bucket import Bucket

__all__ = ["Bucket", "BucketServer"]


class BucketServer:
    """``with BucketServer(...) as server``: listens on loopback until the block ends.

    ``latency_s``: how long a call lasts, drawn evenly. ``foreign``: share of the rate that a
    stranger takes from the bucket of ``foreign_shop``.
    """

    def __init__(
        self,
        capacity: float = 2000,
        rate: float = 100,
        latency_s: tuple[float, float] = (0.05, 0.4),
        foreign: float = 0.0,
        foreign_shop: str = "",
    ) -> None:
        self.capacity = capacity
        self.latency_s = latency_s
        self.rate = rate
        self.outage = False
        self.outage_s = 0.0  # how long a call lasts then
        self.seen: list[tuple[float, str, int]] = []  # when, shop, HTTP status
        self._buckets: dict[str, Bucket] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._foreign = (foreign, foreign_shop)
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._threads = [threading.Thread(target=self._server.serve_forever, args=(0.05,))]
        if foreign:
            self._threads.append(threading.Thread(target=self._be_a_stranger))

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def bucket(self, shop: str) -> Bucket:
        with self._lock:
            return self._buckets.setdefault(shop, Bucket(self.capacity, self.rate, SystemClock()))

    def since(self, at: float) -> list[tuple[float, str, int]]:
        """The calls that came after ``at`` (monotonic s)."""
        return [call for call in list(self.seen) if call[0] > at]

    def answer(self, shop: str, cost: float) -> tuple[int, dict[str, Any]]:
        if self.outage:
            time.sleep(self.outage_s)
            return 500, {}
        bucket = self.bucket(shop)
        with bucket.lock:
            fits = bucket.take(cost)
            status = bucket.status()
        if not fits:
            return 200, {"throttled": True, "requested": cost, "actual": None, "status": status}
        time.sleep(random.uniform(*self.latency_s))
        actual = max(1, int(cost * random.uniform(0.1, 0.9)))
        with bucket.lock:
            bucket.give_back(cost, actual)
            status = bucket.status()
        return 200, {"throttled": False, "requested": cost, "actual": actual, "status": status}

    def _be_a_stranger(self) -> None:
        share, shop = self._foreign
        while not self._ended.wait(random.expovariate(share * self.rate / 100)):
            bucket = self.bucket(shop)
            with bucket.lock:
                bucket.take_for_a_stranger(100)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        for thread in self._threads:
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A worker that was killed leaves its connection behind."""


def _handler(server: BucketServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            at = time.monotonic()
            length = int(self.headers["Content-Length"])
            asked = json.loads(self.rfile.read(length))
            shop = self.path.strip("/")
            status, told = server.answer(shop, float(asked["cost"]))
            server.seen.append((at, shop, status))
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Nothing."""

    return Handler
