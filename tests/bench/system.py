"""What the benchmark needs to know of a system: how to start its parts, what it has left to do."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import redis

from avnu.embedded import free_port
from tests.bench.deliveries import SECRET
from tests.bench.processes import Program


class System(Protocol):
    """One contestant, on a Redis server of its own."""

    @property
    def name(self) -> str:
        """Shown in the tables."""

    def start_receiver(self, redis_port: int, port: int) -> Program:
        """Start what answers POST /webhooks/shopify on a port of this host."""

    def start_worker(self, redis_port: int) -> Program:
        """Start what consumes the backlog; it may begin at once."""

    def open_webhooks(self, redis_port: int) -> Callable[[], int]:
        """A function that counts what is accepted and not yet settled, in one round trip."""


@dataclass(frozen=True)
class Receiver:
    """A receiver that listens: its program, and the port where it does."""

    program: Program
    port: int


@contextmanager
def receiver(system: System, redis_port: int) -> Iterator[Receiver]:
    """The system's receiver from when it listens to its graceful end."""
    port = free_port()
    with system.start_receiver(redis_port, port) as program:
        program.wait_for_port(port)
        yield Receiver(program, port)


def environment(redis_port: int) -> dict[str, str]:
    """The variables that every system understands."""
    return {
        "REDIS_HOST": "127.0.0.1",
        "REDIS_PORT": str(redis_port),
        "SHOPIFY_API_SECRET": SECRET,
    }


def client(redis_port: int, db: int) -> redis.Redis:
    """A connection of the benchmark itself."""
    return redis.Redis(host="127.0.0.1", port=redis_port, db=db, socket_timeout=10.0)
