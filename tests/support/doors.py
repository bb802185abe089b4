"""Both doors as real processes, and requests on bare sockets, so that a test decides every byte."""

import base64
import hmac
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

import urllib3

from avnu.embedded import free_port
from avnu.settings import Settings
from tests.support.programs import Program

ASGI = "asgi"
WSGI = "wsgi"
DOORS = (ASGI, WSGI)

SHOP = "doors.myshopify.com"
ADDRESS = "/webhooks/shopify"
Pairs = Iterable[tuple[str | bytes, str | bytes]]


class Answer(NamedTuple):
    """What came back; status 0 when the connection ended without an answer. ``took_s`` seconds."""

    status: int
    headers: dict[str, str]
    body: bytes
    took_s: float


class Door(Program):
    """One door under the server it is meant for: uvicorn, or gunicorn with threads."""

    def __init__(
        self, kind: str, folder: Path, settings: Settings, options: Sequence[str] = ()
    ) -> None:
        super().__init__(f"{kind}-door", folder, settings.to_environ())
        self.kind = kind
        self.settings = settings
        self.port = free_port()
        self._options = tuple(options)

    def command(self) -> Sequence[str]:
        if self.kind == ASGI:
            return ("uvicorn", "webhooks.asgi:app", "--port", str(self.port), "--no-access-log",
                    "--log-level", "warning", "--lifespan", "on", *self._options)  # fmt: skip
        return ("gunicorn", "webhooks.wsgi:app", "--bind", f"127.0.0.1:{self.port}",
                "--threads", "8", "--no-control-socket",
                "--log-level", "warning", *self._options)  # fmt: skip

    def ready(self) -> bool:
        return self.get("/healthz").status == 200

    @property
    def secret(self) -> str:
        return self.settings.shopify_api_secret.reveal()

    def get(self, path: str, method: str = "GET", **headers: str) -> Answer:
        began_s = time.monotonic()
        try:
            with urllib3.PoolManager(retries=False) as pool:
                found = pool.request(
                    method,
                    f"http://127.0.0.1:{self.port}{path}",
                    headers={name.replace("_", "-"): value for name, value in headers.items()},
                    timeout=10,
                    redirect=False,
                )
        except urllib3.exceptions.HTTPError:
            return Answer(0, {}, b"", time.monotonic() - began_s)
        lower = {name.lower(): value for name, value in found.headers.items()}
        return Answer(found.status, lower, found.data, time.monotonic() - began_s)

    def post(
        self, body: bytes = b"{}", headers: Pairs | None = None, path: str = ADDRESS
    ) -> Answer:
        """A delivery; without ``headers`` a good one. Content-Length is added."""
        pairs = list(signed(self.secret, body).items() if headers is None else headers)
        return self.say(rendered(body, [*pairs, ("Content-Length", str(len(body)))], path))

    def say(self, request: bytes, within_s: float = 10.0) -> Answer:
        """Any bytes at all, on a connection of their own, and the first answer to them."""
        with closing(self.connect()) as opened:
            began_s = time.monotonic()
            with suppress(OSError):  # it may have answered and closed already
                opened.sendall(request)
            return answer_on(opened, began_s, within_s)

    def connect(self) -> socket.socket:
        opened = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return opened


def signature(secret: str, body: bytes) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()


def signed(secret: str, body: bytes, **changes: str | None) -> dict[str, str]:
    """The headers of a good delivery; ``topic="…"`` changes one, None leaves it out."""
    wanted: Mapping[str, str | None] = {
        "topic": "orders/create",
        "shop_domain": SHOP,
        "webhook_id": f"w-{time.monotonic_ns()}",
        "hmac_sha256": signature(secret, body),
        **changes,
    }
    return {
        f"X-Shopify-{name.replace('_', '-')}": text
        for name, text in wanted.items()
        if text is not None
    }


def rendered(body: bytes, pairs: Pairs, path: str = ADDRESS, method: str = "POST") -> bytes:
    """An HTTP/1.1 request; names and values may hold any byte."""
    lines = [f"{method} {path} HTTP/1.1".encode(), b"Host: 127.0.0.1"]
    lines += [_bytes(name) + b": " + _bytes(text) for name, text in pairs]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def answer_on(opened: socket.socket, began_s: float, within_s: float = 10.0) -> Answer:
    """The next answer on a connection, whose bodies have a Content-Length."""
    opened.settimeout(within_s)
    data = b""
    try:
        while b"\r\n\r\n" not in data or not _whole(data):
            part = opened.recv(65536)
            if not part:
                break
            data += part
    except OSError:
        pass
    took_s = time.monotonic() - began_s
    if b"\r\n\r\n" not in data:
        return Answer(0, {}, b"", took_s)
    head, _, body = data.partition(b"\r\n\r\n")
    status, headers = _head(head)
    return Answer(status, headers, body, took_s)


def _whole(data: bytes) -> bool:
    head, _, body = data.partition(b"\r\n\r\n")
    return len(body) >= int(_head(head)[1].get("content-length", 0))


def _head(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return int(first.split(" ")[1]), {name.lower(): text.strip() for name, _, text in pairs}


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")
