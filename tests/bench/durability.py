"""What a 200 costs by what it promises: Avnu with each INBOX_DURABILITY, on the server it needs."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import redis

from avnu.embedded import EmbeddedServer
from tests.bench.accept import Accepted, measure
from tests.bench.avnu_system import Avnu
from tests.bench.backlog import fresh_redis
from tests.bench.errors import BenchError
from tests.bench.processes import POLL_SECONDS, READY_SECONDS, Program
from tests.bench.system import client


@dataclass(frozen=True)
class Promising(Avnu):
    """``durability`` as the setting has it; ``server`` are arguments of its Redis."""

    durability: str = field(kw_only=True)
    server: Sequence[str] = field(default=(), kw_only=True)
    replicated: bool = field(default=False, kw_only=True)

    def start_receiver(self, redis_port: int, port: int) -> Program:
        return self._receiver(redis_port, port, {"INBOX_DURABILITY": self.durability})


PROMISES = (
    Promising("memory", durability="memory"),
    Promising("fsync", durability="fsync"),
    Promising("fsync, appendfsync always", durability="fsync", server=("--appendfsync", "always")),
    Promising("replica", durability="replica", replicated=True),
)


def cost(
    promise: Promising, warm_up: Sequence[bytes], requests: Sequence[bytes], within_s: float
) -> Accepted:
    """Accept as `accept.py` measures it. CPU of the replica is not counted."""
    return measure(promise, warm_up, requests, within_s, on=lambda: _servers(promise))


@contextmanager
def _servers(promise: Promising) -> Iterator[EmbeddedServer]:
    with fresh_redis(promise.server) as primary:
        if not promise.replicated:
            yield primary
            return
        follows = ("--replicaof", f"{primary.host} {primary.port}")
        with tempfile.TemporaryDirectory() as folder, EmbeddedServer(folder, extra=follows):
            _wait_for_replica(primary)
            yield primary


def _wait_for_replica(primary: EmbeddedServer) -> None:
    deadline = time.monotonic() + READY_SECONDS
    with client(primary.port, 0) as asking:
        while not _follows(asking):
            if time.monotonic() > deadline:
                raise BenchError("the replica does not follow")
            time.sleep(POLL_SECONDS)


def _follows(asking: redis.Redis) -> bool:
    told: Any = asking.info("replication")
    return any(one["state"] == "online" for name, one in told.items() if name.startswith("slave"))
