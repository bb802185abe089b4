"""Taking webhooks in: how many per second, how soon answered, for how much CPU time."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from avnu.embedded import EmbeddedServer
from tests.bench.backlog import fresh_redis, send
from tests.bench.processes import cpu_seconds
from tests.bench.system import System, receiver

WARM_UP_REQUESTS = 12_000
WARM_UP_SECONDS = 10.0


@dataclass(frozen=True)
class Accepted:
    """One round of one system; CPU of receiver and Redis together, latencies of the 200 in ms."""

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_s_per_1000: float
    redis_cpu_s_per_1000: float
    generator_share: float


def measure(
    system: System,
    warm_up: Sequence[bytes],
    requests: Sequence[bytes],
    within_s: float,
    on: Callable[[], AbstractContextManager[EmbeddedServer]] = fresh_redis,
) -> Accepted:
    """Deliver for so many seconds to a receiver whose code has run hot before."""
    with on() as redis, receiver(system, redis.port) as door:
        assert redis.pid is not None
        send(door, warm_up[:WARM_UP_REQUESTS], within_s=WARM_UP_SECONDS)
        cpu, redis_cpu = cpu_seconds(door.program.pid), cpu_seconds(redis.pid)
        result = send(door, requests, within_s=within_s)
        cpu = cpu_seconds(door.program.pid) - cpu
        redis_cpu = cpu_seconds(redis.pid) - redis_cpu
    return Accepted(
        per_second=result.per_second,
        p50_ms=result.latency_ms(0.50),
        p99_ms=result.latency_ms(0.99),
        cpu_s_per_1000=1000 * (cpu + redis_cpu) / result.answered,
        redis_cpu_s_per_1000=1000 * redis_cpu / result.answered,
        generator_share=result.generator_cpu_s / result.elapsed_s,
    )
