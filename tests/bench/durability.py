"""What a 200 costs by what it promises: Avnu with each INBOX_DURABILITY, on the server it needs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import redis

from avnu.embedded import EmbeddedServer
from tests.bench.accept import Accepted, measure
from tests.bench.avnu_system import Avnu
from tests.bench.backlog import fresh_redis
from tests.bench.processes import READY_SECONDS, Program
from tests.bench.system import client
from tests.support.waiting import wait_until


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
        with fresh_redis(follows) as replica, client(replica.port, 0) as asking:
            wait_until(lambda: _follows(asking), READY_SECONDS, "the replica follows")
            yield primary


def _follows(replica: redis.Redis) -> bool:
    told: Any = replica.info("replication")
    return bool(told["master_link_status"] == "up")
