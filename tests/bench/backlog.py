"""A Redis server of its own for each measurement, and a backlog made through the real receiver."""

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from avnu.embedded import EmbeddedServer
from tests.bench import load
from tests.bench.errors import BenchError
from tests.bench.load import Load
from tests.bench.processes import Program
from tests.bench.system import Receiver, System, receiver

POLL_SECONDS = 0.005
STALLED_SECONDS = 60.0


@contextmanager
def fresh_redis(extra: Sequence[str] = ()) -> Iterator[EmbeddedServer]:
    """The embedded server, empty, with the append-only file that it always has."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedServer(folder, extra=extra) as server:
        yield server


def send(to: Receiver, requests: Iterable[bytes], *, within_s: float | None = None) -> Load:
    """Deliver requests that all must be answered 200; raises BenchError otherwise."""
    result = load.deliver(to.port, requests, within_s=within_s)
    if set(result.statuses) != {200}:
        raise BenchError(f"{to.program.name} answered {result.statuses}:\n{to.program.output()}")
    return result


def fill(system: System, redis_port: int, requests: Iterable[bytes]) -> int:
    """Put a backlog into an empty system through its receiver, which then ends; its size.

    Raises BenchError when not every request became an open webhook.
    """
    with receiver(system, redis_port) as door:
        sent = send(door, requests).answered
    waiting = system.open_webhooks(redis_port)()
    if waiting != sent:
        raise BenchError(f"{system.name} holds {waiting} of {sent} webhooks")
    return sent


def wait_down_to(worker: Program, open_webhooks: Callable[[], int], target: int) -> float:
    """The instant (perf_counter, s) when no more than `target` webhooks were open.

    Raises BenchError when their number stops falling for STALLED_SECONDS, or the worker ends.
    """
    least = open_webhooks()
    progress_at = time.perf_counter()
    while True:
        left = open_webhooks()
        now = time.perf_counter()
        if left <= target:
            return now
        if left < least:
            least, progress_at = left, now
        elif now - progress_at > STALLED_SECONDS:
            raise BenchError(f"{worker.name} leaves {left} webhooks:\n{worker.output()}")
        else:
            worker.check()
        time.sleep(POLL_SECONDS)
