"""Which workers live, as their ticks tell."""

from collections.abc import Sequence

import msgspec

# The tick comes once a second; a worker that is silent for longer than this is not up.
WORKERS_DOWN_S = 5.0


class Ticking(msgspec.Struct, frozen=True):
    """Who ticks: ``host`` as Celery names the worker, its processes, and the queues it takes."""

    host: str
    processes: int
    queues: Sequence[str]

    def arguments(self) -> tuple[str, str]:
        """As ``tick.lua`` takes them."""
        return self.host, f"{self.processes} {','.join(self.queues)}"


# Ticks, and is not noted: tests, and whoever only wants to see what is due.
NOBODY = Ticking("", 0, ())


class Worker(msgspec.Struct, frozen=True):
    """One worker. ``age_s``: since its last tick."""

    host: str
    processes: int
    queues: list[str]
    age_s: float


def read_workers(noted: dict[bytes, bytes], now_ms: int) -> list[Worker]:
    """Those that are up, by name; ``noted`` is the inbox's ``ticking``."""
    workers = [_worker(host, told, now_ms) for host, told in noted.items()]
    return sorted((one for one in workers if one.age_s <= WORKERS_DOWN_S), key=lambda one: one.host)


def _worker(host: bytes, told: bytes, now_ms: int) -> Worker:
    ticked_ms, processes, queues = told.decode().split(" ", 2)
    age_s = max(0.0, (now_ms - int(ticked_ms)) / 1000)
    return Worker(host.decode(), int(processes), queues.split(",") if queues else [], age_s)
