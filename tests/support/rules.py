"""What is written under ``deploy/prometheus`` and ``deploy/grafana``, read for tests."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from avnu.metrics.families import FAMILIES, MetricType

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
GRAFANA = DEPLOY / "grafana"
RECORDING = PROMETHEUS / "recording.yaml"
ALERTS = PROMETHEUS / "alerts.yaml"
CASES = sorted((PROMETHEUS / "tests").glob("*.yaml"))
HEALTHY = PROMETHEUS / "tests" / "healthy.yaml"

_NAME = re.compile(r"\bavnu[_:][a-z0-9_:]+")
_SUFFIXES = ("_bucket", "_count", "_sum")


def read_yaml(path: Path) -> Any:
    return YAML(typ="safe", pure=True).load(path.read_text())


def rules(path: Path) -> list[dict[str, Any]]:
    """Every rule of a file of rules."""
    return [rule for group in read_yaml(path)["groups"] for rule in group["rules"]]


def names_in(expression: str) -> set[str]:
    """Metrics and recorded series of Avnu that an expression asks for."""
    return set(_NAME.findall(expression))


def exported() -> set[str]:
    """Every name that a query can ask for."""
    found: set[str] = set()
    for family in FAMILIES.values():
        histogram = family.kind is MetricType.HISTOGRAM
        found |= {family.name + end for end in _SUFFIXES} if histogram else {family.name}
    return found


def dashboards() -> dict[str, Any]:
    """Every dashboard by its file's name."""
    found = sorted((GRAFANA / "dashboards").glob("*.json"))
    return {path.name: json.loads(path.read_text()) for path in found}


def panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Its panels, rows left out."""
    for panel in dashboard["panels"]:
        yield from panels(panel) if panel["type"] == "row" and panel.get("panels") else [panel]


def queries(dashboard: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Title of the panel and expression, Grafana's own variables replaced by what they become."""
    for panel in panels(dashboard):
        for target in panel.get("targets", ()):
            expression = target["expr"]
            for variable, value in (("$__rate_interval", "1m"), ("$area", ".*"), ("$role", ".*")):
                expression = expression.replace(variable, value)
            yield panel["title"], expression
