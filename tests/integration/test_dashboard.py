"""Grafana's dashboard: Grafana itself is not here, so what it would read is looked at."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from avnu.metrics.families import FAMILIES
from tests.integration.test_alerts import promtool
from tests.support.rules import (
    ALERTS,
    GRAFANA,
    HEALTHY,
    PROMETHEUS,
    RECORDING,
    dashboards,
    exported,
    names_in,
    panels,
    queries,
    read_yaml,
    rules,
)

# A healthy Avnu may have nothing to tell of these.
MAY_BE_EMPTY = {
    "Shops parked, by cause",
    "Deaths by cause",
    "Nearest deadline by law",
    "Memory",  # of maxmemory, which the embedded server does not have
}

every_dashboard = pytest.mark.parametrize("dashboard", dashboards().values(), ids=dashboards())


def test_there_is_one() -> None:
    assert "avnu.json" in dashboards()


@every_dashboard
def test_panels_stand_beside_each_other(dashboard: dict[str, Any]) -> None:
    taken: Counter[tuple[int, int]] = Counter()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        taken.update(
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        )
    assert [place for place, times in taken.items() if times > 1] == []
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))


@every_dashboard
def test_every_panel_asks_the_chosen_prometheus(dashboard: dict[str, Any]) -> None:
    for panel in panels(dashboard):
        if panel["type"] == "row":
            continue
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["targets"], panel["title"]


@every_dashboard
def test_the_dashboard_asks_for_nothing_that_is_not_there(dashboard: dict[str, Any]) -> None:
    recorded = {rule["record"] for rule in rules(RECORDING)}
    asked = set().union(*(names_in(expression) for _, expression in queries(dashboard)))
    asked |= names_in(str(dashboard["templating"]))
    assert asked - exported() - recorded == set()


def test_every_metric_is_on_a_dashboard() -> None:
    formulas = {rule["record"]: rule["expr"] for rule in rules(RECORDING)}
    asked = set().union(
        *(names_in(expression) for one in dashboards().values() for _, expression in queries(one))
    )
    asked |= set().union(*(names_in(formulas[name]) for name in asked & formulas.keys()))
    asked |= set().union(*(names_in(formulas[name]) for name in asked & formulas.keys()))
    shown = {re.sub(r"_(bucket|count|sum)$", "", name) for name in asked}
    # A webhook that is put away is settled, and shown as that.
    assert FAMILIES.keys() - shown == {"avnu_webhooks_put_away_total"}


def test_every_recorded_series_is_used() -> None:
    used = set().union(
        *(names_in(rule["expr"]) for rule in (*rules(ALERTS), *rules(RECORDING))),
        *(names_in(expression) for one in dashboards().values() for _, expression in queries(one)),
    )
    assert {rule["record"] for rule in rules(RECORDING)} - used == set()


@every_dashboard
def test_panels_show_something_on_healthy_load(dashboard: dict[str, Any], tmp_path: Path) -> None:
    """Each query is evaluated, on what was recorded; promtool fails on one that cannot be."""
    asked = list(queries(dashboard))
    recorded = [
        {"record": f"panel:{n}", "expr": expression} for n, (_, expression) in enumerate(asked)
    ]
    (tmp_path / "panels.json").write_text(
        json.dumps({"groups": [{"name": "panels", "rules": recorded}]})
    )
    case = read_yaml(HEALTHY)
    end = case["tests"][0]["promql_expr_test"][-1]["eval_time"]
    case["rule_files"] = [str(RECORDING), str(tmp_path / "panels.json")]
    case["group_eval_order"] = ["avnu_recorded", "panels"]
    must = [n for n, (title, _) in enumerate(asked) if title not in MAY_BE_EMPTY]
    case["tests"][0]["promql_expr_test"] = [
        {
            "expr": f'group by (__name__) ({{__name__=~"panel:({"|".join(map(str, must))})"}})',
            "eval_time": end,
            "exp_samples": [{"labels": f'{{__name__="panel:{n}"}}', "value": 1} for n in must],
        }
    ]
    (tmp_path / "case.json").write_text(json.dumps(case))
    promtool("check", "rules", tmp_path / "panels.json")
    assert "SUCCESS" in promtool("test", "rules", tmp_path / "case.json")


def test_provisioning_names_what_is_mounted() -> None:
    (source,) = read_yaml(GRAFANA / "provisioning/datasources/prometheus.yaml")["datasources"]
    chosen = {one["name"]: one for one in dashboards()["avnu.json"]["templating"]["list"]}
    assert source["uid"] == chosen["datasource"]["current"]["value"]
    scraped = read_yaml(PROMETHEUS / "prometheus.yml")["global"]["scrape_interval"]
    assert source["jsonData"]["timeInterval"] == scraped
    (provider,) = read_yaml(GRAFANA / "provisioning/dashboards/avnu.yaml")["providers"]
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"
