"""One keep-alive HTTP/1.1 connection, as thin as a load generator needs it.

urllib3 in threads spends several times the CPU per delivery, and the simulator shares its
machine with the receiver it is to keep busy.
"""

import asyncio
import ssl
from collections.abc import Iterable
from urllib.parse import SplitResult

import httptools
import msgspec

#: A connection unused for longer is not trusted: servers close idle ones (uvicorn after 5 s), and
#: a request written into the closing would be lost without a trace.
IDLE_S = 2.0

#: How long the first piece of a large body waits for an early answer before the rest follows.
EARLY_ANSWER_S = 0.25


class Answer(msgspec.Struct, frozen=True):
    """What came back: a status, or 0 and the reason why none came."""

    status: int
    fault: str = ""  # "refused", "connect timeout", "no tls", "timeout", "reset", "not http"

    @property
    def reached(self) -> bool:
        """Whether the request may have come to the receiver."""
        return self.fault not in ("refused", "connect timeout", "no tls")


class Terms(msgspec.Struct, frozen=True):
    """How long the sender waits; Shopify: 1 s for a connection, 5 s for the whole request."""

    connect_s: float = 1.0
    answer_s: float = 5.0


class Connection:
    """Sends one request at a time to ``address``; connects, and connects again, by itself."""

    def __init__(self, address: SplitResult, terms: Terms) -> None:
        self._loop = asyncio.get_running_loop()
        self._address = address
        self._terms = terms
        self._tls = ssl.create_default_context() if address.scheme == "https" else None
        self._wire: _Wire | None = None
        self._used_at = 0.0

    async def send(self, head: bytes, body: bytes, rest: Iterable[bytes] = ()) -> Answer:
        """POST and wait for the answer; never raises for what the network or the server does.

        ``rest`` follows the body in pieces, and no further once an answer has come.
        """
        latest = self._loop.time() + self._terms.answer_s
        wire = await self._open()
        if isinstance(wire, Answer):
            return wire
        waiting = wire.expect()
        deadline = self._loop.call_at(latest, wire.end, Answer(0, "timeout"))
        wire.transport.write(head + body)
        whole = await wire.write_pieces(rest)
        answer = await waiting
        deadline.cancel()
        self._used_at = self._loop.time()
        if not whole:
            self.close()
        return answer

    def close(self) -> None:
        """Give the connection up; the next request opens another."""
        if self._wire is not None:
            self._wire.transport.abort()
            self._wire = None

    async def _open(self) -> "_Wire | Answer":
        """A connection to write on, or why there is none."""
        wire = self._wire
        if wire and not wire.spent and self._loop.time() - self._used_at < IDLE_S:
            return wire
        self.close()
        try:
            async with asyncio.timeout(self._terms.connect_s):
                _, self._wire = await self._loop.create_connection(
                    lambda: _Wire(self._loop),
                    self._address.hostname or "",
                    self._address.port or (443 if self._tls else 80),
                    ssl=self._tls,
                )
        except TimeoutError:
            return Answer(0, "connect timeout")
        except ssl.SSLError:
            return Answer(0, "no tls")
        except OSError:
            return Answer(0, "refused")
        return self._wire


class _Wire(asyncio.Protocol):
    """One TCP connection and what is read from it; spent after anything but a clean answer."""

    transport: asyncio.Transport

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.spent = False
        self._loop = loop
        self._parser = httptools.HttpResponseParser(self)
        self._status = 0  # of an answer whose end has not come yet
        self._waiting: asyncio.Future[Answer] | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    def expect(self) -> asyncio.Future[Answer]:
        """The answer to the request that is about to be written."""
        self._waiting = self._loop.create_future()
        return self._waiting

    def end(self, answer: Answer) -> None:
        """The answer is known; without a status the connection is of no more use."""
        if answer.fault:
            self.spent = True
            self._writable.set()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(answer)

    async def write_pieces(self, pieces: Iterable[bytes]) -> bool:
        """Send the pieces until an answer comes; False when some were not sent."""
        assert self._waiting is not None
        patient = True
        for piece in pieces:
            if patient:
                await asyncio.wait([self._waiting], timeout=EARLY_ANSWER_S)
                patient = False
            await self._writable.wait()
            if self._waiting.done():
                return False
            self.transport.write(piece)
        return True

    # asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.end(Answer(0, "not http"))

    def connection_lost(self, _exc: Exception | None) -> None:
        self.spent = True
        self._writable.set()
        # An answer without a length ends with its connection.
        self.end(Answer(self._status) if self._status else Answer(0, "reset"))

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # httptools calls these

    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()

    def on_message_complete(self) -> None:
        self.spent = self.spent or not self._parser.should_keep_alive()
        status, self._status = self._status, 0
        self.end(Answer(status))
