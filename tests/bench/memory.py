"""What a webhook costs in Redis: waiting, and settled with everything that stays of it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.backlog import fresh_redis, send, wait_down_to
from tests.bench.system import System, client, receiver

QUIET_SECONDS = 2.0


@dataclass(frozen=True)
class Kept:
    """Bytes of used_memory per webhook, over the same server before it came."""

    waiting_bytes: float
    settled_bytes: float


def measure(system: System, warm_up: Sequence[bytes], requests: Sequence[bytes]) -> Kept:
    """Weigh the server empty but warm, full, and after the worker has settled all and ended."""
    with fresh_redis() as redis:
        open_webhooks = system.open_webhooks(redis.port)
        # Scripts and streams are there before the first weighing, in the receiver and the worker.
        with receiver(system, redis.port) as door:
            send(door, warm_up)
        _settle_all(system, redis.port)
        empty = _used_memory(redis.port)
        with receiver(system, redis.port) as door:
            send(door, requests)
        assert open_webhooks() == len(requests)
        full = _used_memory(redis.port)
        _settle_all(system, redis.port)
        settled = _used_memory(redis.port)
    return Kept((full - empty) / len(requests), (settled - empty) / len(requests))


def _settle_all(system: System, redis_port: int) -> None:
    with system.start_worker(redis_port) as worker:
        wait_down_to(worker, system.open_webhooks(redis_port), 0)


def _used_memory(redis_port: int) -> int:
    # Buffers of the append-only file and of clients that have just left go away in their own time.
    time.sleep(QUIET_SECONDS)
    return int(client(redis_port, db=0).info("memory")["used_memory"])
