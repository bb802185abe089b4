"""One POST to a shop at Shopify: where it goes, how long it may take, how much it may bring.

A shop's address is made from its checked domain alone. SHOPIFY_ADMIN_ORIGIN, which the settings
allow on this machine only, replaces it for development; the Host header then still names the shop.
"""

import contextlib
import re
from collections.abc import Mapping

import msgspec
import urllib3

from avnu.clock import Clock
from avnu.errors import NoAnswer
from avnu.per_process import PerProcess
from avnu.settings import Settings

_SHOP = re.compile(r"[a-z0-9][a-z0-9-]{0,60}\.myshopify\.com")
# Shops whose connections are kept, and connections of each: threads of a worker that call it.
_SHOPS_KEPT, _EACH = 256, 8
_CHUNK_BYTES = 65_536
# What a connection raises when it breaks, and what a body does that cannot be decompressed.
_BROKEN = (urllib3.exceptions.HTTPError, OSError)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The most that a request may take (seconds) and bring (bytes, decompressed)."""

    connect_s: float
    read_s: float
    total_s: float
    most_bytes: int

    def within(self, left_s: float) -> "Limits":
        """The same, and no longer than ``left_s`` in all."""
        return msgspec.structs.replace(self, total_s=min(self.total_s, left_s))


class HttpAnswer(msgspec.Struct, frozen=True):
    """A whole answer, whatever it says; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """Pooled connections, TLS verified, no retries, no redirects. Safe for threads and forks."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._origin = settings.shopify_admin_origin
        self._clock = clock
        self._pools = PerProcess(
            lambda: urllib3.PoolManager(num_pools=_SHOPS_KEPT, maxsize=_EACH, retries=False)
        )

    def post(
        self, shop: str, path: str, body: bytes, headers: Mapping[str, str], limits: Limits
    ) -> HttpAnswer:
        """POST ``body`` to ``path`` of the shop. Raises NoAnswer, which holds nothing of either."""
        until_s = self._clock.monotonic() + limits.total_s
        try:
            response = self._pools.get().request(
                "POST",
                self._address(shop) + path,
                body=body,
                headers={**headers, "Host": shop, "Accept-Encoding": "gzip"},
                timeout=urllib3.Timeout(
                    connect=min(limits.connect_s, limits.total_s),
                    read=limits.read_s,
                    total=limits.total_s,
                ),
                # A repeated POST would be a second call; a redirect would take the token along.
                retries=False,
                redirect=False,
                preload_content=False,
            )
        except _BROKEN as fault:
            raise _no_answer(fault) from fault
        # Closing drops the connection, unless the answer was read to its end.
        with contextlib.closing(response):
            try:
                answer = self._read(response, until_s, limits.most_bytes)
            except _BROKEN as fault:
                raise _no_answer(fault) from fault
            response.release_conn()
        lower = {name.lower(): value for name, value in response.headers.items()}
        return HttpAnswer(response.status, lower, answer)

    def close(self) -> None:
        """Closes the connections that are kept; a later request opens new ones."""
        self._pools.get().clear()

    def _address(self, shop: str) -> str:
        if not _SHOP.fullmatch(shop):
            raise NoAnswer("the shop's name is not a myshopify.com domain", sent=False)
        return self._origin or f"https://{shop}"

    def _read(self, response: urllib3.BaseHTTPResponse, until_s: float, most_bytes: int) -> bytes:
        """Piece by piece as they come: a drip of bytes must not outlast the limit."""
        pieces, size = [], 0
        while piece := response.read1(_CHUNK_BYTES, decode_content=True):
            pieces.append(piece)
            size += len(piece)
            if size > most_bytes:
                raise NoAnswer(f"the answer is larger than {most_bytes:,} bytes", sent=True)
            if self._clock.monotonic() > until_s:
                raise NoAnswer("the answer takes too long", sent=True)
        return b"".join(pieces)


def _no_answer(fault: Exception) -> NoAnswer:
    """Only the kind of the fault: its text may quote the address or the answer."""
    unsent = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)
    return NoAnswer(f"no answer ({type(fault).__name__})", sent=not isinstance(fault, unsent))
