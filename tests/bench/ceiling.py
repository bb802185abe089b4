"""How fast the generator is alone: against a server that reads a request and answers, no more.

`python -m tests.bench.ceiling PORT` is that server.
"""

import select
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from avnu.embedded import free_port
from tests.bench import load
from tests.bench.processes import Program

_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


@dataclass(frozen=True)
class Ceiling:
    """Requests per second that came through, and that one second of its own CPU time is worth."""

    per_second: float
    per_cpu_second: float


def measure(requests: Sequence[bytes]) -> Ceiling:
    """Send the requests to the trivial server."""
    port = free_port()
    with Program("trivial", [sys.executable, "-m", "tests.bench.ceiling", str(port)]) as server:
        server.wait_for_port(port)
        result = load.deliver(port, requests)
    return Ceiling(result.per_second, result.answered / result.generator_cpu_s)


def serve(port: int) -> None:
    """Answer every request on a port of this host; one read is one request."""
    listening = socket.create_server(("127.0.0.1", port))
    poll = select.epoll()
    poll.register(listening.fileno(), select.EPOLLIN)
    clients: dict[int, socket.socket] = {}
    while True:
        for fd, _ in poll.poll():
            if fd == listening.fileno():
                client, _ = listening.accept()
                clients[client.fileno()] = client
                poll.register(client.fileno(), select.EPOLLIN)
            elif clients[fd].recv(65536):
                clients[fd].sendall(_ANSWER)
            else:
                poll.unregister(fd)
                clients.pop(fd).close()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
