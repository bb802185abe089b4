"""Avnu as it is deployed: the ASGI door under uvicorn, and a worker whose handlers only read."""

import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from avnu.keys import Keys
from avnu.shopify.topics import AREAS
from tests.bench.processes import REPOSITORY, Program
from tests.bench.system import client, environment
from tests.support.database import database_environ

NAMESPACE = "avnu"
INBOX_DB = 2
CONCURRENCY = 3

# Entered and left again, per area, in the hash of counters that the scripts keep.
_ACCEPTED = tuple(f"accepted:{area}" for area in AREAS)
_LEFT = tuple(f"{end}:{area}" for end in ("done", "superseded") for area in AREAS)

KEYS = Keys(NAMESPACE)


@dataclass(frozen=True)
class Avnu:
    """With the default settings. A dead webhook counts as open, so it never looks settled."""

    name: str = "Avnu"

    def start_receiver(self, redis_port: int, port: int) -> Program:
        return self._receiver(redis_port, port)

    def _receiver(
        self, redis_port: int, port: int, more: Mapping[str, str] = MappingProxyType({})
    ) -> Program:
        command = [sys.executable, "-m", "avnu", "run", "receiver"]
        listening = {"AVNU_HOST": "127.0.0.1", "AVNU_PORT": str(port)}
        return self._start("receiver", command, redis_port, {**listening, **more})

    def start_worker(self, redis_port: int) -> Program:
        command = [
            *(sys.executable, "-m", "celery", "-A", "tests.bench.avnu_worker", "worker"),
            *("--loglevel", "WARNING"),
        ]
        return self._start("worker", command, redis_port)

    def open_webhooks(self, redis_port: int) -> Callable[[], int]:
        redis = client(redis_port, INBOX_DB)
        key = KEYS.of("counts")

        def count() -> int:
            counts = [int(n or 0) for n in redis.hmget(key, *_ACCEPTED, *_LEFT)]
            return sum(counts[: len(_ACCEPTED)]) - sum(counts[len(_ACCEPTED) :])

        return count

    def _database(self) -> Path:
        return Path(tempfile.gettempdir()) / f"avnu-bench-{os.getpid()}"

    def _start(
        self,
        part: str,
        command: list[str],
        redis_port: int,
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> Program:
        env = {
            **environment(redis_port),
            "PYTHONPATH": str(REPOSITORY),
            "AVNU_NAMESPACE": NAMESPACE,
            "QUEUE_CONCURRENCY": str(CONCURRENCY),
            **database_environ(self._database()),
            **more,
        }
        # Away from the repository: a developer's .env is no part of the measurement.
        return Program(f"{self.name} {part}", command, env=env, cwd=Path(tempfile.gettempdir()))
