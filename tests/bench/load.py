"""The load generator: the same for every system, cheap enough never to be the bottleneck.

One thread, one blocking socket per connection, one request in flight on each. The requests are
rendered and signed beforehand, so that a request costs it two system calls and little else.
"""

import gc
import re
import select
import socket
import time
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tests.bench.errors import BenchError

CONNECTIONS = 16
STALLED_SECONDS = 10.0

_CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Load:
    """What came back: statuses by code, latencies in ns (ascending), durations in seconds."""

    statuses: dict[int, int]
    latencies_ns: Sequence[int]
    elapsed_s: float
    generator_cpu_s: float

    @property
    def answered(self) -> int:
        return len(self.latencies_ns)

    @property
    def per_second(self) -> float:
        return self.answered / self.elapsed_s

    def latency_ms(self, quantile: float) -> float:
        """The latency in ms that this share of the requests did not exceed."""
        at = min(int(quantile * self.answered), self.answered - 1)
        return self.latencies_ns[at] / 1e6


def deliver(
    port: int,
    requests: Iterable[bytes],
    *,
    connections: int = CONNECTIONS,
    within_s: float | None = None,
) -> Load:
    """Send requests to a port of this host until they, or `within_s`, are used up.

    Give a list where the figures count; a generator renders on the way, which costs time.
    Raises BenchError when nothing is answered for STALLED_SECONDS, or a connection is closed.
    """
    sockets = [_connect(port) for _ in range(connections)]
    # A collection of the hundreds of megabytes of prepared requests would look like latency.
    gc.collect()
    gc.disable()
    try:
        return _run({opened.fileno(): opened for opened in sockets}, iter(requests), within_s)
    finally:
        gc.enable()
        for opened in sockets:
            opened.close()


def _connect(port: int) -> socket.socket:
    opened = socket.create_connection(("127.0.0.1", port), timeout=STALLED_SECONDS)
    opened.setblocking(True)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return opened


def _run(
    sockets: dict[int, socket.socket], requests: Iterator[bytes], within_s: float | None
) -> Load:
    clock = time.perf_counter_ns
    statuses: Counter[int] = Counter()
    latencies = array("Q")
    partial: dict[int, bytes] = {}
    sent_at: dict[int, int] = {}
    poll = select.epoll()
    cpu = time.process_time()
    begun = clock()
    stop_at = begun + int(within_s * 1e9) if within_s else None
    for fd, opened in sockets.items():
        request = next(requests, None)
        if request is None:
            break
        poll.register(fd, select.EPOLLIN)
        sent_at[fd] = clock()
        opened.sendall(request)

    while sent_at:
        ready = poll.poll(STALLED_SECONDS)
        if not ready:
            raise BenchError(f"{len(sent_at)} requests without an answer")
        for fd, _ in ready:
            opened = sockets[fd]
            answer = opened.recv(65536)
            if not answer:
                raise BenchError("the server closed a connection")
            if partial:
                answer = partial.pop(fd, b"") + answer
            if not _whole(answer):
                partial[fd] = answer
                continue
            now = clock()
            latencies.append(now - sent_at[fd])
            statuses[int(answer[9:12])] += 1
            request = next(requests, None) if stop_at is None or now < stop_at else None
            if request is None:
                del sent_at[fd]
                continue
            sent_at[fd] = clock()
            opened.sendall(request)

    elapsed_s = (clock() - begun) / 1e9
    poll.close()
    spent = time.process_time() - cpu
    return Load(dict(statuses), array("Q", sorted(latencies)), elapsed_s, spent)


def _whole(answer: bytes) -> bool:
    """True when the head and the body that it announces are there."""
    head = answer.find(b"\r\n\r\n")
    if head < 0:
        return False
    length = _CONTENT_LENGTH.search(answer, 0, head)
    return len(answer) >= head + 4 + (int(length[1]) if length else 0)
