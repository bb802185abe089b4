"""The plain Celery peer: Flask under gunicorn threads, `task.delay`, a stock prefork worker."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from tests.bench.processes import Program
from tests.bench.system import client, environment

RECEIVER_PROCESSES = 2
RECEIVER_THREADS = 8


@dataclass(frozen=True)
class PlainCelery:
    """The peer with so many worker processes: the same number as Avnu's."""

    concurrency: int
    name: str = "plain Celery"

    def start_receiver(self, redis_port: int, port: int) -> Program:
        command = [
            *(sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}"),
            *("--worker-class", "gthread", "--workers", str(RECEIVER_PROCESSES)),
            *("--threads", str(RECEIVER_THREADS), "--log-level", "warning"),
            "tests.bench.plain_celery.receiver:create_app()",
        ]
        return Program(f"{self.name} receiver", command, env=_environment(redis_port))

    def start_worker(self, redis_port: int) -> Program:
        command = [
            *(sys.executable, "-m", "celery", "-A", "tests.bench.plain_celery.jobs"),
            *("worker", "--concurrency", str(self.concurrency), "--loglevel", "WARNING"),
        ]
        return Program(f"{self.name} worker", command, env=_environment(redis_port))

    def open_webhooks(self, redis_port: int) -> Callable[[], int]:
        redis = client(redis_port, db=1)

        def count() -> int:
            with redis.pipeline() as pipeline:
                pipeline.llen("celery")
                pipeline.hlen("unacked")
                return sum(pipeline.execute())

        return count


def _environment(redis_port: int) -> dict[str, str]:
    return {
        **environment(redis_port),
        "CELERY_BROKER_URL": f"redis://127.0.0.1:{redis_port}/1",
    }
