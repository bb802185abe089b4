"""``avnu status``: the inbox in numbers."""

import math
from typing import Any

import click
import msgspec

from avnu.cli.output import duration, json_option, say, show_facts, show_json, show_table
from avnu.cli.session import open_inbox
from avnu.cli.status_words import ticked, warnings, working
from avnu.cli.watch import watch
from avnu.inbox.overview import AreaState, Overview, overview
from avnu.inbox.workers import WORKERS_DOWN_S


@click.command()
@click.option("--watch", "watching", is_flag=True, help="Draw it anew every second, with rates.")
@json_option
def status(watching: bool, as_json: bool) -> None:
    """Show what waits, what is parked, dead or in trouble, and what came in so far."""
    if watching:
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


def _document(state: Overview) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(state)
    del document["counters"]  # the rest says all that they say, and keeps its names
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
