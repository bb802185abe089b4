"""What ``avnu status --watch`` shows: one look, drawn. Asks nothing."""

from collections.abc import Mapping, Sequence

import msgspec
import rich.box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from avnu.cli.output import duration, moment, printable
from avnu.cli.status_words import ticked, warnings, working
from avnu.cli.watch_rates import Rates
from avnu.inbox.longest import Line
from avnu.inbox.overview import Overview

_HEAD = ("area", "backlog", "parked", "oldest", "dead", "retries", "accepted/s", "settled/s")


class Look(msgspec.Struct, frozen=True):
    """One look. ``fault``: the last one failed, so that what is shown is old."""

    at_ms: int
    state: Overview
    rates: Rates
    longest: Sequence[Line]
    fault: str = ""


def screen(look: Look) -> RenderableType:
    """The whole screen."""
    state = look.state
    parts: list[RenderableType] = [
        Text(f"avnu status   {moment(look.at_ms)[:-5]}Z   every second, Ctrl-C ends", "bold")
    ]
    parts += [Text(printable(line), "bold red") for line in warnings(state)]
    if look.fault:
        parts.append(
            Text(printable(f"cannot be reached, shown as it was: {look.fault}"), "bold red")
        )
    parts += [_areas(state, look.rates), _facts(state, look.rates)]
    if look.longest:
        parts.append(_longest(look.longest))
    return Group(*parts)


def _areas(state: Overview, rates: Rates) -> Table:
    table = _table(_HEAD, words={"area"})
    for area in state.areas:
        table.add_row(
            area.area, _n(area.backlog), _n(area.parked), duration(area.oldest_s), _n(area.dead),
            _n(area.retries), _rate(rates.accepted, area.area),
            _rate(rates.settled, area.area),
        )  # fmt: skip
    table.add_section()
    areas = state.areas
    table.add_row(
        "all", _n(sum(one.backlog for one in areas)), _n(sum(one.parked for one in areas)),
        duration(max((one.oldest_s for one in areas), default=0)),
        _n(sum(one.dead for one in areas)), _n(sum(one.retries for one in areas)),
        _sum(rates.accepted), _sum(rates.settled),
    )  # fmt: skip
    return table


def _facts(state: Overview, rates: Rates) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(overflow="fold")
    for name, value in {
        "received/s": "  ".join(f"{name} {_rate(rates.received, name)}" for name in state.received),
        "parked shops": _list(state.parked_shops),
        "deaths so far": _list(_dead(state)),
        "alone": f"{state.solo:,} wait, {state.running:,} run, {state.suspects:,} suspects",
        "workers": working(state),
        "last tick": f"{ticked(state)}, {state.partitions_busy:,} partitions with work",
        "paused": ", ".join(state.paused) or "none",
    }.items():
        table.add_row(name, Text(printable(value)))
    return table


def _longest(lines: Sequence[Line]) -> Table:
    table = _table(("shop", "area", "waiting", "state"), words={"shop", "area", "state"})
    for line in lines:
        table.add_row(Text(printable(line.shop)), line.area, _n(line.waiting), line.state)
    return table


def _table(head: Sequence[str], words: set[str]) -> Table:
    table = Table(box=rich.box.SIMPLE_HEAD, pad_edge=False)
    for name in head:
        table.add_column(name, justify="left" if name in words else "right", no_wrap=True)
    return table


def _dead(state: Overview) -> dict[str, int]:
    causes: dict[str, int] = {}
    for area in state.areas:
        for cause, n in area.dead_total.items():
            causes[cause] = causes.get(cause, 0) + n
    return causes


def _list(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in counted.items()) or "none"


def _n(number: int) -> str:
    return f"{number:,}"


def _rate(rates: Mapping[str, float], name: str) -> str:
    return "-" if not rates else f"{rates.get(name, 0.0):,.1f}"


def _sum(rates: Mapping[str, float]) -> str:
    return "-" if not rates else f"{sum(rates.values()):,.1f}"
