"""Prometheus' rules: they parse, each alert fires on its fault and clears, and all they name is."""

import json
import os
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from avnu.cli import main
from avnu.connections import Connections
from avnu.inbox import Inbox
from avnu.metrics import render
from tests.support.overlaid import overlaid
from tests.support.require import require
from tests.support.rules import (
    ALERTS,
    CASES,
    DEPLOY,
    PROMETHEUS,
    RECORDING,
    exported,
    names_in,
    read_yaml,
    rules,
)

pytest_plugins = ("tests.support.inbox_fixtures",)

# Told only while there is something to tell, so that their absence means nothing.
OPTIONAL = {
    "avnu_compliance_due_seconds",  # no request is open
    "avnu_received_age_seconds",  # Shopify has never delivered
    "avnu_shops_parked",  # no shop is
    "avnu_subscriptions_missing",  # the monitor has not looked yet; its age is told
}


def promtool(*arguments: str | Path) -> str:
    """What it prints; it must be content."""
    program = require("promtool")
    # Thousands of small evaluations: the garbage of all is less than one of its collections.
    environ = {**os.environ, "GOGC": "800"}
    done = subprocess.run(
        [program, *map(str, arguments)], env=environ, capture_output=True, text=True, check=False
    )
    told = done.stdout + done.stderr
    assert done.returncode == 0, told
    return told


def test_rules_and_configuration_are_what_prometheus_takes() -> None:
    promtool("check", "rules", RECORDING, ALERTS)
    promtool("check", "config", "--syntax-only", PROMETHEUS / "prometheus.yml")
    configured = read_yaml(PROMETHEUS / "prometheus.yml")
    assert configured["rule_files"] == [RECORDING.name, ALERTS.name]


@pytest.mark.parametrize("cases", CASES, ids=lambda path: path.stem)
def test_alerts_fire_on_their_fault_and_clear(cases: Path) -> None:
    assert "SUCCESS" in promtool("test", "rules", cases)


@pytest.mark.soak
@pytest.mark.parametrize(
    "cases", [path for path in CASES if path.stem not in ("data", "healthy")], ids=lambda p: p.stem
)
def test_a_fault_amid_healthy_load_brings_its_own_alerts_alone(cases: Path, tmp_path: Path) -> None:
    (tmp_path / "overlaid.json").write_text(json.dumps(overlaid(cases)))
    assert "SUCCESS" in promtool("test", "rules", tmp_path / "overlaid.json")


def firings() -> Iterator[list[set[str]]]:
    """Of each case, in the order of time, the alerts that are expected to fire."""
    for path in CASES:
        for case in read_yaml(path)["tests"]:
            yield [
                {
                    name
                    for one in asked["exp_samples"]
                    for name in re.findall(r'alertname="(\w+)"', one["labels"])
                }
                for asked in case["promql_expr_test"]
            ]


def test_every_alert_has_a_case_before_during_and_after_its_fault() -> None:
    shown: defaultdict[str, set[str]] = defaultdict(set)
    for moments in firings():
        for n, firing in enumerate(moments):
            for alert in firing:
                shown[alert].add("fires")
                if any(alert not in earlier for earlier in moments[:n]):
                    shown[alert].add("not before")
                if any(alert not in later for later in moments[n + 1 :]):
                    shown[alert].add("clears")
    alerts = {rule["alert"] for rule in rules(ALERTS)}
    whole = {"fires", "clears", "not before"}
    assert {alert: whole - shown[alert] for alert in alerts if shown[alert] != whole} == {}
    assert shown.keys() <= alerts


@pytest.mark.parametrize("rule", rules(ALERTS), ids=lambda rule: rule["alert"])
def test_an_alert_says_what_why_and_what_to_do(rule: dict[str, dict[str, str]]) -> None:
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule.keys() == {"alert", "expr", "for", "labels", "annotations"}
    told = rule["annotations"]
    assert told.keys() == {"summary", "description", "runbook"}
    assert len(told["summary"]) < 100
    assert "First: " in told["description"]


def test_what_an_alert_tells_to_run_is_there() -> None:
    text = " ".join(rule["annotations"]["description"] for rule in rules(ALERTS))
    asked = set(re.findall(r"(?<!-A )\bavnu ([a-z]+)(?: ([a-z]+))?", text))
    assert len(asked) > 10
    for name, part in asked:
        command = main.get_command(click.Context(main), name)
        assert command is not None, name
        if isinstance(command, click.Group):
            assert part in command.commands, (name, part)


def test_every_alert_has_its_section_of_the_runbook() -> None:
    headings = re.findall(r"^#+ (.+)$", (DEPLOY / "README.md").read_text(), re.MULTILINE)
    # As GitHub makes anchors.
    there = {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}
    asked = {rule["annotations"]["runbook"] for rule in rules(ALERTS)}
    assert asked - {f"deploy/README.md#{anchor}" for anchor in there} == set()


def test_every_for_has_its_reason() -> None:
    lines = [line for line in ALERTS.read_text().splitlines() if line.strip().startswith("for: ")]
    assert len(lines) == len(rules(ALERTS))
    assert [line for line in lines if "  # " not in line] == []


def test_the_table_of_alerts_is_that_of_the_rules() -> None:
    rows = re.findall(
        r"^\| (Avnu\w+) \| (\w+) \| .+ \| \[.+\]\(\.\./README\.md(#\S+)\) \|$",
        (PROMETHEUS / "README.md").read_text(),
        re.MULTILINE,
    )
    assert rows == [
        (
            rule["alert"],
            rule["labels"]["severity"],
            rule["annotations"]["runbook"].removeprefix("deploy/README.md"),
        )
        for rule in rules(ALERTS)
    ]


def test_rules_ask_for_nothing_that_is_not_there() -> None:
    recorded = {rule["record"] for rule in rules(RECORDING)}
    asked = set().union(*(names_in(rule["expr"]) for rule in (*rules(RECORDING), *rules(ALERTS))))
    assert asked - exported() - recorded == set()


def test_an_alert_without_data_is_told() -> None:
    """What alerts need is watched for its absence, but for what is told only now and then."""
    formulas = {rule["record"]: rule["expr"] for rule in rules(RECORDING)}
    needed: set[str] = set()
    waiting = [rule["expr"] for rule in rules(ALERTS) if rule["alert"] != "AvnuMetricMissing"]
    while waiting:
        for name in names_in(waiting.pop()):
            if name in formulas:
                waiting.append(formulas[name])
            else:
                needed.add(name)
    (missing,) = [rule["expr"] for rule in rules(ALERTS) if rule["alert"] == "AvnuMetricMissing"]
    watched = set(re.findall(r"absent\((avnu_\w+)", missing))
    # A histogram is there as a whole or not at all.
    assert needed - OPTIONAL == watched


def test_a_new_installation_tells_all_whose_absence_alerts(inbox: Inbox) -> None:
    connections = Connections(inbox.settings)
    try:
        text = render(inbox, connections).decode()
    finally:
        connections.close()
    told = set(re.findall(r"^(avnu_\w+)", text, re.MULTILINE))
    (missing,) = [rule["expr"] for rule in rules(ALERTS) if rule["alert"] == "AvnuMetricMissing"]
    assert names_in(missing) - told == set()
    assert told <= exported()
