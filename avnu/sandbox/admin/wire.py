"""HTTP/1.1 on one connection: requests read, answers sent whole or otherwise."""

import contextlib
import socket
import struct
import sys
import threading
from email.message import Message
from http.client import responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from avnu.clock import Clock
from avnu.sandbox.admin.answer import Answer, Manner, told
from avnu.sandbox.admin.call import Call
from avnu.sandbox.admin.routing import Routing

MOST_BODY_BYTES = 16 * 1024 * 1024
_PATIENCE_S = 2.0
_CLOSED_HARD = struct.pack("ii", 1, 0)


class WireServer(ThreadingHTTPServer):
    """Listens from the moment it is made; one thread for each connection."""

    daemon_threads = True
    request_queue_size = 256
    allow_reuse_address = True

    def __init__(self, host: str, port: int, routing: Routing, clock: Clock) -> None:
        self.routing = routing
        self.clock = clock
        self.closing = False
        self.connections: dict[threading.Thread, socket.socket] = {}
        super().__init__((host, port), _Handler)

    def end(self) -> None:
        """Stop listening and end all connections; returns when their threads have ended.

        A call that is under way gets its answer, if that takes no longer than 2 s.
        """
        self.shutdown()
        self.server_close()
        self.closing = True
        for thread, connection in list(self.connections.items()):
            _shut(connection, socket.SHUT_RD)
            thread.join(_PATIENCE_S)
            _shut(connection, socket.SHUT_RDWR)

    def shutdown_request(self, request: Any) -> None:
        """Close the connection; one that is to be reset must not say goodbye first."""
        if request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8) == _CLOSED_HARD:
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Show a fault of the sandbox's own; a caller that went away is nothing to report."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: WireServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.server.connections[threading.current_thread()] = self.connection
        if self.server.closing:
            _shut(self.connection, socket.SHUT_RDWR)

    def finish(self) -> None:
        self.server.connections.pop(threading.current_thread(), None)
        super().finish()

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, *_: object) -> None:
        """Silent: the report tells."""

    def _serve(self) -> None:
        at = self.server.clock.monotonic()
        length = _length(self.headers)
        if length is None:
            self.close_connection = True
            self._send(told(400, {"errors": "Bad Request"}, "http_400"))
            return
        body = self.rfile.read(length)
        headers = {name.lower(): value for name, value in self.headers.items()}
        shop = headers.get("host", "").partition(":")[0].lower()
        call = Call(self.command, self.path.partition("?")[0], shop, headers, body, at)
        answer, released = self.server.routing.answer(call)
        if answer.manner is Manner.NONE:
            self._reset()
        elif answer.manner is Manner.ENDLESS:
            self._send_without_end(answer, released)
        else:
            self._send(answer, released)

    def _send(self, answer: Answer, released: threading.Event | None = None) -> None:
        head = self._head(answer, f"Content-Length: {len(answer.body)}")
        if answer.manner is Manner.WHOLE:
            self.wfile.write(head + answer.body)
        elif answer.manner is Manner.CUT:
            self.wfile.write(head + answer.body[: len(answer.body) // 2])
            self.close_connection = True
        else:
            assert released is not None
            self.wfile.write(head)
            self._drip(answer, released)

    def _drip(self, answer: Answer, released: threading.Event) -> None:
        for at in range(len(answer.body)):
            if released.wait(answer.gap_s):
                self.wfile.write(answer.body[at:])
                return
            self.wfile.write(answer.body[at : at + 1])

    def _send_without_end(self, answer: Answer, released: threading.Event) -> None:
        self.wfile.write(self._head(answer, "Transfer-Encoding: chunked"))
        self.close_connection = True
        while not released.wait(answer.gap_s):
            self.wfile.write(b"1\r\n \r\n")

    def _reset(self) -> None:
        """End the connection with RST, as a machine does that has lost its memory."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _CLOSED_HARD)

    def _head(self, answer: Answer, length: str) -> bytes:
        phrase = responses.get(answer.status, "Unknown")
        date = self.date_time_string(int(self.server.clock.time()))
        lines = [f"HTTP/1.1 {answer.status} {phrase}", f"Date: {date}", length]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        if self.close_connection:
            lines.append("Connection: close")
        return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")


def _shut(connection: socket.socket, how: int) -> None:
    with contextlib.suppress(OSError):  # it has ended by itself
        connection.shutdown(how)


def _length(headers: Message) -> int | None:
    """Bytes of the body, or None when that cannot be read or is too much."""
    text = headers.get("Content-Length", "0")
    if "Transfer-Encoding" in headers or not text.isdecimal():
        return None
    length = int(text)
    return length if length <= MOST_BODY_BYTES else None
