"""Settling a backlog: how many webhooks per second, for how much CPU time."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.backlog import fill, fresh_redis, wait_down_to
from tests.bench.processes import cpu_seconds
from tests.bench.system import System


@dataclass(frozen=True)
class Drained:
    """One round of one system; CPU of worker and Redis together."""

    per_second: float
    cpu_s_per_1000: float
    redis_cpu_s_per_1000: float


def measure(system: System, requests: Sequence[bytes], warm_up: int) -> Drained:
    """Fill, start the worker, and time it from `warm_up` webhooks settled to all settled.

    So the start of processes counts for nobody, nor the first use of code.
    """
    with fresh_redis() as redis:
        assert redis.pid is not None
        fill(system, redis.port, requests)
        open_webhooks = system.open_webhooks(redis.port)
        with system.start_worker(redis.port) as worker:
            begun = wait_down_to(worker, open_webhooks, len(requests) - warm_up)
            measured = open_webhooks()
            cpu, redis_cpu = cpu_seconds(worker.pid), cpu_seconds(redis.pid)
            ended = wait_down_to(worker, open_webhooks, 0)
            cpu = cpu_seconds(worker.pid) - cpu
            redis_cpu = cpu_seconds(redis.pid) - redis_cpu
    return Drained(
        per_second=measured / (ended - begun),
        cpu_s_per_1000=1000 * (cpu + redis_cpu) / measured,
        redis_cpu_s_per_1000=1000 * redis_cpu / measured,
    )
