"""Records healthy load for promtool: ``python -m tests.support.record_healthy``.

Starts ``avnu up`` in a folder of its own with a sandbox that plays Shopify, lets ``avnu simulate``
send webhooks for some minutes, scrapes /metrics as Prometheus would, and writes what it saw into
``deploy/prometheus/tests/healthy.yaml``. Run it again when metrics have changed, on a machine that
does nothing else, and look at the difference before it is committed: no alert may so much as be
pending on it.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from avnu.embedded import free_port
from tests.support.rules import ALERTS, HEALTHY, RECORDING, dashboards, names_in, queries, rules
from tests.support.waiting import wait_until

_AVNU = [sys.executable, "-m", "avnu"]
_UP_S = 60.0
# Until the first reconciliation of the new shops is worked off.
_WARM_UP_S = 90
_MINUTES = 4
_SCRAPE_S = 15
_PER_SECOND = 4
_SHOPS = 4

_HEAD = """\
# Healthy load: {minutes} minutes of `avnu up` with about {per_second} webhooks a second from
# {shops} shops, scraped every {scrape_s} s. No alert fires on it, and none is pending.
# Written by: python -m tests.support.record_healthy

rule_files: [../recording.yaml, ../alerts.yaml]
evaluation_interval: {scrape_s}s
group_eval_order:
  [avnu_recorded, avnu_data, avnu_receiving, avnu_work, avnu_trouble, avnu_shopify, avnu_redis]

tests:
  - name: healthy load
    interval: {scrape_s}s
    input_series:
"""

_TAIL = """\
    promql_expr_test:
      - expr: &any 'count by (alertname, alertstate) (ALERTS)'
        eval_time: 2m
        exp_samples: []
      - expr: *any
        eval_time: {minutes}m
        exp_samples: []
      # It was a load, and as much was settled.
      - expr: 'sum by (job) (avnu:received:rate2m{{outcome="accepted"}}) > bool 1'
        eval_time: {minutes}m
        exp_samples: [{{labels: '{{job="avnu"}}', value: 1}}]
      - expr: 'sum by (job) (avnu:settled:rate5m) > bool 1'
        eval_time: {minutes}m
        exp_samples: [{{labels: '{{job="avnu"}}', value: 1}}]
"""


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--minutes", type=int, default=_MINUTES)
    minutes = asked.parse_args().minutes
    HEALTHY.write_text(written(record(minutes), minutes))
    print(f"written: {HEALTHY}")


def record(minutes: int) -> dict[str, list[float | None]]:
    """Per series what each scrape told, None where it did not."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        port, redis = free_port(), free_port()
        environ = {**os.environ, "AVNU_PORT": str(port), "REDIS_PORT": str(redis)}
        log = stack.enter_context(Path(folder, "log").open("wb"))
        up = subprocess.Popen([*_AVNU, "up"], cwd=folder, env=environ, stdout=log, stderr=log)
        stack.callback(_end, up)
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: _answers(f"{url}/readyz"), _UP_S, "the receiver is ready")
        seconds = _WARM_UP_S + minutes * 60
        load = subprocess.Popen(
            [*_AVNU, "--env-file", str(Path(folder, ".avnu", "env")), "simulate", "run",
             "--deliveries", str(_PER_SECOND * (seconds + 30)), "--per-second", str(_PER_SECOND),
             "--shops", str(_SHOPS), "--most-products", "20", "--most-variants", "3"],
            cwd=folder, stdout=log, stderr=log,
        )  # fmt: skip
        stack.callback(_end, load)
        time.sleep(_WARM_UP_S)
        try:
            return _scrape(url, minutes * 60 // _SCRAPE_S + 1)
        except OSError:
            print(Path(log.name).read_text()[-5000:], file=sys.stderr)
            raise


def _scrape(url: str, times: int) -> dict[str, list[float | None]]:
    seen: dict[str, list[float | None]] = {}
    began_s = time.monotonic()
    for n in range(times):
        time.sleep(max(0.0, began_s + n * _SCRAPE_S - time.monotonic()))
        with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                series = _series(sample.name, sample.labels)
                values = seen.setdefault(series, [None] * times)
                values[n] = sample.value
    seen[_series("up", {})] = [1.0] * times
    return seen


def _series(name: str, labels: dict[str, str]) -> str:
    every = {"instance": "a:8000", "job": "avnu", **labels}
    return name + "{" + ",".join(f'{key}="{value}"' for key, value in every.items()) + "}"


def written(seen: dict[str, list[float | None]], minutes: int) -> str:
    """The file: of what was seen, what rules and dashboards ask for."""
    expressions = [rule["expr"] for path in (RECORDING, ALERTS) for rule in rules(path)]
    for dashboard in dashboards().values():
        expressions += [expression for _, expression in queries(dashboard)]
    wanted = {"up"}.union(*map(names_in, expressions))
    lines = [
        f"      - {{series: '{series}', values: '{shortened(values)}'}}"
        for series, values in seen.items()
        if series.partition("{")[0] in wanted
    ]
    numbers = {
        "minutes": minutes, "scrape_s": _SCRAPE_S, "per_second": _PER_SECOND, "shops": _SHOPS,
    }  # fmt: skip
    return _HEAD.format(**numbers) + "\n".join(lines) + "\n" + _TAIL.format(**numbers)


def shortened(values: Sequence[float | None]) -> str:
    """promtool's notation: ``a+bxn`` is a, and n more, each b above the one before."""
    words, n = [], 0
    while n < len(values):
        value, length = values[n], 1
        step = _step(values, n)
        while n + length < len(values) and _step(values, n + length - 1) == step is not None:
            length += 1
        if value is None:
            length = 1
            words.append("_")
        elif length > 1:
            words.append(f"{_number(value)}{step:+g}x{length - 1}")
        else:
            words.append(_number(value))
        n += length
    return " ".join(words)


def _step(values: Sequence[float | None], n: int) -> float | None:
    """From one value to the next; None where one of them is missing, or infinite."""
    if n + 1 >= len(values):
        return None
    here, there = values[n], values[n + 1]
    if here is None or there is None or float("inf") in (here, there):
        return None
    return float(_number(there)) - float(_number(here)) if _exact(here, there) else None


def _exact(here: float, there: float) -> bool:
    """Steps are written for whole numbers alone: fractions would drift, or fill the line."""
    return here == there or (here == int(here) and there == int(there))


def _number(value: float) -> str:
    if value == float("inf"):
        return "+Inf"
    return str(int(value)) if value == int(value) else f"{value:.4g}"


def _answers(url: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(url, timeout=2) as answer:
        return bool(answer.status == 200)
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(60)


if __name__ == "__main__":
    main()
