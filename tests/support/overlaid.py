"""promtool's cases of a fault, with the recording of healthy load around each."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.rules import ALERTS, HEALTHY, RECORDING, read_yaml

_COUNTS = ("_total", "_bucket", "_count")
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_RUN = re.compile(r"(-?[\d.e+-]+?)([+-][\d.e+-]+)x(\d+)")


def overlaid(path: Path) -> dict[str, Any]:
    """The same cases, each among all that a healthy Avnu tells; no alert is left out any more."""
    cases: dict[str, Any] = read_yaml(path)
    (healthy,) = read_yaml(HEALTHY)["tests"]
    cases["rule_files"] = [str(RECORDING), str(ALERTS)]
    for case in cases["tests"]:
        case["input_series"] += _around(case, healthy)
        for asked in case["promql_expr_test"]:
            asked["expr"] = 'count by (alertname) (ALERTS{alertstate="firing"})'
    return cases


def _around(case: Mapping[str, Any], healthy: Mapping[str, Any]) -> list[dict[str, str]]:
    """Healthy series that the case says nothing of, as long as the case."""
    given = {_named(one["series"]) for one in case["input_series"]}
    # A histogram is the case's as a whole.
    buckets = {name for name, _ in given if name.endswith("_bucket")}
    length = max(len(_values(one["values"])) for one in case["input_series"])
    scrapes = _seconds(case["interval"]) / _seconds(healthy["interval"])
    found = []
    for one in healthy["input_series"]:
        name, labels = _named(one["series"])
        told = [value for value in _values(one["values"]) if math.isfinite(value)]
        if (name, labels) in given or name in buckets or not told:
            continue
        # Counters go on as fast as they did, gauges stay.
        counts = name.endswith(_COUNTS) and len(told) > 1
        step = (told[-1] - told[0]) / (len(told) - 1) * scrapes if counts else 0.0
        found.append({"series": one["series"], "values": f"{told[-1]:.9g}{step:+.9g}x{length}"})
    return found


def _named(series: str) -> tuple[str, frozenset[tuple[str, str]]]:
    name, _, labels = series.partition("{")
    return name, frozenset(re.findall(r'(\w+)="([^"]*)"', labels))


def _values(text: str) -> list[float]:
    """promtool's notation, NaN for what is missing."""
    found: list[float] = []
    for word in text.split():
        run = _RUN.fullmatch(word)
        if run:
            first, step, more = float(run[1]), float(run[2]), int(run[3])
            found += [first + step * n for n in range(more + 1)]
        elif word.startswith("_"):
            found += [math.nan] * int(word[2:] or 1)
        else:
            found.append(float(word))
    return found


def _seconds(duration: str) -> int:
    return sum(int(n) * _SECONDS[unit] for n, unit in re.findall(r"(\d+)([smh])", duration))
