"""One POST to a shop at Shopify: where it goes, how long it may take, how much it may bring.

A shop's address is made from its checked domain alone. SHOPIFY_ADMIN_ORIGIN, which the settings
allow on this machine only, replaces it for development; the Host header then still names the shop.
"""

import contextlib
import re
import ssl
from collections.abc import Mapping

import msgspec
import urllib3
from urllib3 import exceptions as http

from avnu.clock import Clock
from avnu.errors import NoAnswer
from avnu.per_process import PerProcess
from avnu.settings import Settings

_SHOP = re.compile(r"[a-z0-9][a-z0-9-]{0,60}\.myshopify\.com")
# Shops whose connections are kept, and connections of each: threads of a worker that call it.
_SHOPS_KEPT, _EACH = 256, 32
_CHUNK_BYTES = 65_536
# What a connection raises when it breaks, and what a body does that cannot be decompressed.
_BROKEN = (http.HTTPError, OSError)
_UNSENT = (http.NewConnectionError, http.ConnectTimeoutError)


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
    """Pooled connections, TLS verified, no redirects. Safe for threads and forks."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._origin = settings.shopify_admin_origin
        self._clock = clock
        self._pools = PerProcess(_make_pool)

    def post(
        self,
        shop: str,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        limits: Limits,
        *,
        repeatable: bool = False,
    ) -> HttpAnswer:
        """POST ``body`` to ``path`` of the shop. Raises NoAnswer, which holds nothing of either.

        ``repeatable``: it does no harm twice, so it is sent once more when a connection breaks
        before any of the answer has come, as one does that was kept for longer than its server
        wanted.
        """
        until_s = self._clock.monotonic() + limits.total_s
        try:
            return self._post(shop, path, body, headers, limits)
        except NoAnswer as fault:
            left_s = until_s - self._clock.monotonic()
            if not (repeatable and _was_dropped(fault.__cause__) and left_s > 0):
                raise
        return self._post(shop, path, body, headers, limits.within(left_s))

    def close(self) -> None:
        """Closes the connections that are kept; a later request opens new ones."""
        self._pools.get().clear()

    def _post(
        self, shop: str, path: str, body: bytes, headers: Mapping[str, str], limits: Limits
    ) -> HttpAnswer:
        until_s = self._clock.monotonic() + limits.total_s
        response = self._request(
            self._address(shop) + path, body, {**headers, "Host": shop}, limits
        )
        # Closing drops the connection, unless the answer was read to its end.
        with contextlib.closing(response):
            try:
                answer = self._read(response, until_s, limits)
            except _BROKEN as fault:
                raise _no_answer(fault) from fault
            response.release_conn()
        lower = {name.lower(): value for name, value in response.headers.items()}
        return HttpAnswer(response.status, lower, answer)

    def _request(
        self, address: str, body: bytes, headers: Mapping[str, str], limits: Limits
    ) -> urllib3.BaseHTTPResponse:
        unfit = ""
        try:
            return self._pools.get().request(
                "POST",
                address,
                body=body,
                headers={**headers, "Accept-Encoding": "gzip"},
                timeout=urllib3.Timeout(
                    connect=min(limits.connect_s, limits.total_s),
                    read=limits.read_s,
                    total=limits.total_s,
                ),
                # A redirect would take the token along.
                retries=False,
                redirect=False,
                preload_content=False,
            )
        except _BROKEN as fault:
            raise _no_answer(fault) from fault
        except ValueError as fault:
            unfit = type(fault).__name__
        # Out here: the error of a header that cannot be one quotes it, and it may be the token.
        raise NoAnswer(f"cannot be sent ({unfit})", sent=False)

    def _address(self, shop: str) -> str:
        if not _SHOP.fullmatch(shop):
            raise NoAnswer("the shop's name is not a myshopify.com domain", sent=False)
        return self._origin or f"https://{shop}"

    def _read(self, response: urllib3.BaseHTTPResponse, until_s: float, limits: Limits) -> bytes:
        """Piece by piece as they come: a drip of bytes must not outlast the limit."""
        pieces: list[bytes] = []
        size = 0
        while True:
            left_s = until_s - self._clock.monotonic()
            if left_s <= 0:
                raise NoAnswer("the answer takes too long", sent=True, late=True)
            socket = getattr(response.connection, "sock", None)
            if socket is not None:
                socket.settimeout(min(limits.read_s, left_s))
            piece = response.read1(_CHUNK_BYTES, decode_content=True)
            if not piece:
                return b"".join(pieces)
            pieces.append(piece)
            size += len(piece)
            if size > limits.most_bytes:
                raise NoAnswer(f"the answer is larger than {limits.most_bytes:,} bytes", sent=True)


def _make_pool() -> urllib3.PoolManager:
    """One context for all shops: made anew for each connection it costs 40 ms and 0.8 MB."""
    return urllib3.PoolManager(
        num_pools=_SHOPS_KEPT,
        maxsize=_EACH,
        retries=False,
        ssl_context=ssl.create_default_context(),
    )


def _no_answer(fault: Exception) -> NoAnswer:
    """Only the kind of the fault: its text may quote the address or the answer."""
    sent = not isinstance(fault, _UNSENT)
    # A refused connection is one of urllib3's timeouts too.
    late = isinstance(fault, http.TimeoutError) and not isinstance(fault, http.NewConnectionError)
    return NoAnswer(f"no answer ({type(fault).__name__})", sent=sent, late=late)


def _was_dropped(fault: BaseException | None) -> bool:
    """The peer has closed before it answered anything."""
    if not isinstance(fault, http.ProtocolError) or isinstance(fault, http.IncompleteRead):
        return False
    return any(isinstance(arg, ConnectionError) for arg in fault.args)
