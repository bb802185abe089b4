"""What ``avnu simulate`` prints, and the exit code it ends with."""

import json
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from avnu.sandbox import Ledger, Reckoning

CHECK_FAILED = 1
CANNOT_REACH = 5


def summarize(ledger: Ledger) -> dict[str, Any]:
    """The round in figures: what was sent, answered, and must have been counted."""
    reckoning = Reckoning(ledger)
    return {
        "deliveries": ledger.by_kind(),
        "answers": ledger.by_status(),
        "expected": msgspec.to_builtins(reckoning.expected()),
        "given_up": len(ledger.given_up()),
        "latency_ms": {
            "p50": round(ledger.latency_ms(0.5), 1),
            "p99": round(ledger.latency_ms(0.99), 1),
        },
        "faults": reckoning.faults,
    }


def show(shown: dict[str, Any], as_json: bool) -> None:
    """JSON, or a table with a line for each value."""
    if as_json:
        click.echo(json.dumps(shown))
        return
    table = Table(show_header=False, box=None)
    for name, value in shown.items():
        table.add_row(name.replace("_", " "), escape(_line(value)))
    Console().print(table)


def _line(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {count}" for key, count in value.items())
    if isinstance(value, list):
        return "\n".join(value[:20]) or "none"
    return str(value)


def finish(ledger: Ledger, faults: list[str]) -> None:
    """End with the exit code that says how it went."""
    if not ledger.reached():
        click.echo("nothing answered; is the receiver running?", err=True)
        raise click.exceptions.Exit(CANNOT_REACH)
    if faults or ledger.given_up():
        raise click.exceptions.Exit(CHECK_FAILED)
