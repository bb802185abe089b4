"""What ``avnu simulate`` prints, and the exit code it ends with."""

from typing import Any

import msgspec

from avnu.cli.exits import CANNOT_REACH, CHECK_FAILED, OK
from avnu.cli.output import say, show_facts, show_json
from avnu.sandbox import Ledger, Reckoning

_MOST_FAULTS = 20


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


def show(facts: dict[str, Any], as_json: bool) -> None:
    """One JSON document, or a line for each fact; faults are talk unless JSON is asked for."""
    if as_json:
        show_json(facts)
        return
    show_facts({name.replace("_", " "): _line(value) for name, value in facts.items()})
    faults = facts.get("faults", [])
    for fault in faults[:_MOST_FAULTS]:
        say(fault)
    if len(faults) > _MOST_FAULTS:
        say(f"… and {len(faults) - _MOST_FAULTS} more")


def _line(value: object) -> object:
    if isinstance(value, dict):
        return ", ".join(f"{key} {count}" for key, count in value.items())
    return len(value) if isinstance(value, list) else str(value)


def exit_code(ledger: Ledger) -> int:
    """How it went: nothing answered, something answered as it must not be, or all well."""
    if not ledger.reached():
        say("avnu: nothing answered; is the receiver running?")
        return CANNOT_REACH
    return CHECK_FAILED if ledger.given_up() or Reckoning(ledger).faults else OK
