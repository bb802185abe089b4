"""What ``avnu status`` and its screen both say of an inbox, in words."""

import math
from collections.abc import Sequence

from avnu.cli.output import duration
from avnu.inbox.overview import AreaState, Overview
from avnu.inbox.workers import WORKERS_DOWN_S, Worker

# More of them would fill the screen.
_WORKERS_NAMED = 8


def warnings(state: Overview) -> list[str]:
    """What an operator must know before the numbers: one sentence each."""
    lines = []
    if state.tick_age_s > WORKERS_DOWN_S:
        lines.append("no worker is up: webhooks are kept, but not followed")
    if state.full:
        lines.append("the inbox is full: new webhooks are answered 503 until it has drained")
    if state.paused:
        lines.append(f"paused by an operator: {', '.join(state.paused)}")
    return lines


def ticked(state: Overview) -> str:
    """How long ago a worker last ticked, for people."""
    return "never" if math.isinf(state.tick_age_s) else f"{duration(state.tick_age_s)} ago"


def working(state: Overview) -> str:
    """Who is up, with how many processes, and for which areas where it is not for all."""
    if not state.workers:
        return "none"
    named = [_named(worker, state.areas) for worker in state.workers[:_WORKERS_NAMED]]
    if more := len(state.workers) - len(named):
        named.append(f"and {more:,} more")
    processes = sum(worker.processes for worker in state.workers)
    return f"{len(state.workers):,} with {processes:,} processes: {', '.join(named)}"


def _named(worker: Worker, areas: Sequence[AreaState]) -> str:
    taken = [area.area for area in areas if area.area in worker.queues]
    return worker.host if len(taken) == len(areas) else f"{worker.host} ({' '.join(taken)})"
