"""``avnu status``: the inbox in numbers."""

import math
from collections.abc import Sequence
from typing import Any

import click
import msgspec

from avnu.cli.output import duration, json_option, say, show_facts, show_json, show_table
from avnu.cli.session import open_inbox
from avnu.inbox.overview import AreaState, Overview, overview
from avnu.inbox.workers import WORKERS_DOWN_S, Worker

# More of them would fill the screen.
_WORKERS_NAMED = 8


@click.command()
@click.option("--watch", "watching", is_flag=True, help="Draw it anew every second, with rates.")
@json_option
def status(watching: bool, as_json: bool) -> None:
    """Show what waits, what is parked, dead or in trouble, and what came in so far."""
    if watching:
        # Late: it draws what is written here.
        from avnu.cli.watch import watch

        if as_json:
            raise click.UsageError("--watch is for people, --json for programs: give one of them")
        watch()
        return
    with open_inbox() as inbox:
        state = overview(inbox)
    if as_json:
        show_json(_document(state))
        return
    show_table(
        ("area", "backlog", "parked", "oldest", "dead", "settled", "retries"),
        [_row(area) for area in state.areas],
    )
    show_facts(_facts(state))
    for line in warnings(state):
        say(line)


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


def _document(state: Overview) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(state)
    if math.isinf(state.tick_age_s):
        document["tick_age_s"] = None
    document["workers_up"] = state.tick_age_s <= WORKERS_DOWN_S
    return document


def _row(area: AreaState) -> tuple[object, ...]:
    return (
        area.area, area.backlog, area.parked, duration(area.oldest_s), area.dead,
        area.done + area.superseded, area.retries,
    )  # fmt: skip


def _causes(shops: dict[str, int]) -> str:
    """Why shops are parked, e.g. ``breaker 12, frozen 1``."""
    return ", ".join(f"{cause} {n:,}" for cause, n in shops.items()) or "none"


def _facts(state: Overview) -> dict[str, object]:
    return {
        "received": ", ".join(f"{name} {n:,}" for name, n in state.received.items()),
        "never came": ", ".join(f"{name} {n:,}" for name, n in state.missed.items() if n),
        "in trouble": f"{state.solo} wait alone, {state.running} run alone, "
        f"{state.suspects} of them suspected of crashing their worker",
        "shops that wait": _causes(state.parked_shops),
        "partitions with work": state.partitions_busy,
        "workers": working(state),
        "last tick of a worker": ticked(state),
        "full": "yes" if state.full else "no",
    }
