"""avnu/shopify/transport.py over real sockets: what comes whole, how all else ends, and when."""

import gzip
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psutil
import pytest
from msgspec.structs import replace

from avnu.clock import SystemClock
from avnu.errors import NoAnswer
from avnu.settings import Settings
from avnu.shopify.transport import HttpAnswer, Limits, Transport
from tests.support.waiting import wait_until

# A busy machine reaches none of these; a test of one of them makes it short.
LIMITS = Limits(connect_s=10.0, read_s=30.0, total_s=40.0, most_bytes=1_000_000)
SHORT_READ = replace(LIMITS, read_s=0.5)
SHORT_TOTAL = replace(LIMITS, total_s=1.0)
# Long after the short ones, long before the others.
WITHIN_S = 10.0
BODY = b"{}"
HEAD = b"HTTP/1.1 200 OK\r\n"
HELLO = HEAD + b"Content-Length: 5\r\n\r\nhello"


def zipped(body: bytes) -> bytes:
    packed = gzip.compress(body)
    return HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed


class Server:
    """Plays one script per connection: bytes are sent, numbers are seconds to wait."""

    def __init__(self, scripts: Sequence[Sequence[bytes | float]]) -> None:
        self.connections = 0
        self._scripts = list(scripts)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        self.port: int = self._listening.getsockname()[1]

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._ended.set()
        self._listening.close()

    def _serve(self) -> None:
        for script in self._scripts:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                _hear(connection)
                self._play(connection, script)

    def _play(self, connection: socket.socket, script: Sequence[bytes | float]) -> None:
        for step in script:
            if isinstance(step, float):
                self._ended.wait(step)
            else:
                try:
                    connection.sendall(step)
                except OSError:
                    return


def _hear(connection: socket.socket) -> None:
    """The whole request: what is unread at the close resets the connection, and the answer goes."""
    heard = b""
    while not heard.endswith(BODY):
        piece = connection.recv(65_536)
        if not piece:
            return
        heard += piece


@contextmanager
def serving(*scripts: Sequence[bytes | float]) -> Iterator[tuple[Server, Transport]]:
    server = Server(scripts)
    transport = Transport(Settings.load({"SHOPIFY_ADMIN_ORIGIN": server.origin}), SystemClock())
    try:
        yield server, transport
    finally:
        transport.close()
        server.close()


def post(
    transport: Transport, limits: Limits = LIMITS, *, repeatable: bool = False, **headers: str
) -> HttpAnswer:
    return transport.post("one.myshopify.com", "/x", BODY, headers, limits, repeatable=repeatable)


@pytest.mark.parametrize(
    ("script", "body"),
    [
        ([HELLO], b"hello"),
        ([zipped(b"x" * 1000)], b"x" * 1000),
        ([HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"], b"hello"),
        ([HEAD + b"\r\nhello"], b"hello"),
        ([HEAD + b"Content-Length: 10\r\n\r\nhello", 0.1, b"hello"], b"hellohello"),
        ([HEAD + b"Content-Length: 0\r\n\r\n"], b""),
    ],
    ids=["plain", "gzip", "chunked", "until it closes", "in two pieces", "empty"],
)
def test_a_whole_answer(script: Sequence[bytes | float], body: bytes) -> None:
    with serving(script) as (_, transport):
        answer = post(transport)
    assert (answer.status, answer.body) == (200, body)
    assert all(name == name.lower() for name in answer.headers)


@pytest.mark.parametrize(
    ("script", "limits", "late"),
    [
        ([HEAD + b"Content-Length: 50\r\n\r\nhello"], LIMITS, False),
        ([HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"], LIMITS, False),
        ([HEAD + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello"], LIMITS, False),
        ([b"nonsense\r\n\r\n"], LIMITS, False),
        ([], LIMITS, False),
        ([zipped(b"x" * 2_000_000)], LIMITS, False),
        ([20.0], SHORT_READ, True),
        ([HEAD + b"Content-Length: 500\r\n\r\n", *[b"x", 0.2] * 100], SHORT_TOTAL, True),
        ([HEAD, 0.4, b"Content-Length: 5\r\n\r\n", 0.4, b"he", 20.0], SHORT_TOTAL, True),
    ],
    ids=["cut off", "cut off, chunked", "not gzip", "no HTTP", "closed", "too large", "silent",
         "a drip", "late in every part"],
)  # fmt: skip
def test_what_is_no_answer(script: Sequence[bytes | float], limits: Limits, *, late: bool) -> None:
    with serving(script) as (_, transport):
        begun_s = time.monotonic()
        with pytest.raises(NoAnswer) as raised:
            post(transport, limits)
        took_s = time.monotonic() - begun_s
    assert (raised.value.sent, raised.value.late) == (True, late)
    assert took_s < WITHIN_S


def test_nobody_listens() -> None:
    with serving() as (server, transport):
        server.close()
        with pytest.raises(NoAnswer) as raised:
            post(transport)
    assert not raised.value.sent


def its_end_has_reached_us(server: Server) -> bool:
    connections = psutil.Process().net_connections("tcp")
    return any(
        one.status == psutil.CONN_CLOSE_WAIT and one.raddr.port == server.port
        for one in connections
    )


def test_a_kept_connection_that_was_closed_meanwhile_costs_nothing() -> None:
    with serving([HELLO], [HELLO]) as (server, transport):
        post(transport)
        wait_until(
            lambda: its_end_has_reached_us(server), 20, "the server closed what it had answered on"
        )
        assert post(transport).body == b"hello"
        assert server.connections == 2


def test_one_that_breaks_before_it_answers_is_tried_once_more_where_that_does_no_harm() -> None:
    with serving([], [HELLO]) as (server, transport):
        assert post(transport, repeatable=True).body == b"hello"
        assert server.connections == 2
    with serving([], [], [HELLO]) as (server, transport):
        with pytest.raises(NoAnswer):
            post(transport, repeatable=True)
        assert server.connections == 2
    with serving([], [HELLO]) as (server, transport):
        with pytest.raises(NoAnswer):
            post(transport)
        assert server.connections == 1


def test_a_token_that_cannot_be_sent_is_not_quoted() -> None:
    with serving([HELLO]) as (_, transport), pytest.raises(NoAnswer) as raised:
        post(transport, token="shpat_secret\r")
    fault: BaseException | None = raised.value
    while fault is not None:
        assert "secret" not in str(fault)
        fault = fault.__cause__ or fault.__context__


@pytest.mark.parametrize("name", ["one.example.com", "x.myshopify.com@evil.com", "", "ONE/"])
def test_only_a_shop_s_domain_is_called(name: str) -> None:
    transport = Transport(Settings.load({}), SystemClock())
    with pytest.raises(NoAnswer) as raised:
        transport.post(name, "/x", b"{}", {}, LIMITS)
    assert not raised.value.sent
