"""What the benchmark prints: tables for people, one line of JSON for machines."""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Target:
    """A figure against the limit it must keep; `aim` is what is hoped for."""

    name: str
    value: float
    limit: float
    at_least: bool
    unit: str = ""
    aim: float | None = None

    @property
    def kept(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit


@dataclass
class Report:
    """Collects figures and targets while the measurements run, and prints them."""

    console: Console = field(default_factory=lambda: Console(width=110, highlight=False))
    figures: dict[str, Any] = field(default_factory=dict)
    targets: list[Target] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        self.notes.append(text)
        self.console.print(text)

    def rounds(
        self, name: str, columns: dict[str, str], rounds: Mapping[str, Sequence[Any]]
    ) -> None:
        """A table of medians: `columns` gives a heading to each field of the measured rounds."""
        table = Table(title=name, title_justify="left")
        table.add_column("system")
        for heading in columns.values():
            table.add_column(heading, justify="right")
        for system, measured in rounds.items():
            medians = {column: median(measured, column) for column in columns}
            table.add_row(system, *(f"{value:,.4g}" for value in medians.values()))
        self.console.print(table)
        self.figures[name] = {
            system: [asdict(one) for one in measured] for system, measured in rounds.items()
        }

    def target(self, target: Target) -> None:
        self.targets.append(target)

    def finish(self) -> bool:
        """Print the targets and the line of JSON; True when every target was kept."""
        table = Table(title="Targets", title_justify="left")
        for heading in ("what", "figure", "limit", "aim", ""):
            table.add_column(heading, justify="left" if heading in ("what", "") else "right")
        for target in self.targets:
            sign = "≥" if target.at_least else "≤"
            table.add_row(
                target.name,
                f"{target.value:,.4g} {target.unit}".strip(),
                f"{sign} {target.limit:g}",
                f"{target.aim:g}" if target.aim else "",
                "pass" if target.kept else "FAIL",
            )
        if self.targets:
            self.console.print(table)
        passed = all(target.kept for target in self.targets)
        print(json.dumps(self._machine_readable(passed), separators=(",", ":")))
        return passed

    def _machine_readable(self, passed: bool) -> dict[str, Any]:
        targets = [{**asdict(target), "kept": target.kept} for target in self.targets]
        return {
            "passed": passed,
            "targets": targets,
            "notes": self.notes,
            "figures": self.figures,
        }


def median(rounds: Sequence[Any], column: str) -> float:
    """The median of one field over the rounds of one system."""
    return statistics.median(float(getattr(one, column)) for one in rounds)


def median_ratio(rounds: Sequence[Any], others: Sequence[Any], column: str) -> float:
    """The median, over the rounds, of one field here divided by the same field there."""
    pairs = zip(rounds, others, strict=True)
    return statistics.median(float(getattr(a, column) / getattr(b, column)) for a, b in pairs)
