"""A real Flower beside a real worker: what an operator reads there, and what nobody can do."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from avnu.app import create_app
from avnu.embedded import free_port
from avnu.settings import Settings
from tests.conftest import PATIENT
from tests.support.deliveries import SECRET
from tests.support.programs import ROOT, Flower
from tests.support.stack import Stack
from tests.support.waiting import wait_until

LOGIN = "ops:made-up"
PERSON = "someone@example.com"


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    settings = {**PATIENT, "FLOWER_BASIC_AUTH": LOGIN, "INBOX_PARTITIONS": "1"}
    made = Stack(tmp_path, seed=1, settings=settings)
    yield made
    made.close()


def test_flower_shows_what_helps_and_no_body_and_lets_nobody_act(stack: Stack) -> None:
    with Flower(stack.folder, stack.environ()) as flower:
        worker = stack.worker().launch()
        flower.start()
        worker.wait_ready()
        wait_until(lambda: "one@test" in heard(flower), 30, "Flower knows the worker")
        troubled = stack.maker.make("two-shop", do="raise", note=PERSON)
        stack.accept(*(stack.maker.make("one-shop", note=PERSON) for _ in range(3)), troubled)
        stack.assert_dies("two-shop/w-000001", 30)  # its error quotes its body
        wait_until(lambda: len(alone(flower)) == 2, 20, "Flower has heard of all")
        # The drain's process may end after that of the webhook it sent on.
        wait_until(lambda: drained(flower) == (3, 2), 20, "Flower shows what the drains did")
        for number, run in enumerate(alone(flower), start=2):
            assert run["state"] == "FAILURE"
            assert run["args"] == "(orders/edited, two-shop.myshopify.com, w-000001)"
            assert f"attempt {number} of 3, orders/edited: RuntimeError" in run["exception"]
            assert "scripted.py" in run["traceback"]
        everything = json.dumps(told(flower, "/api/tasks"))
        for page in ("/tasks", f"/task/{alone(flower)[0]['uuid']}", "/worker/one@test", "/broker"):
            everything += flower.ask(page, LOGIN).data.decode()
        for hidden in (PERSON, SECRET.decode(), LOGIN):
            assert hidden not in everything

        control = create_app(stack.settings).control
        stats: Any = control.inspect(destination=["one@test"], limit=1).stats()
        assert "alternates" not in stats["one@test"]["broker"], "see without_secrets"

        for path in ("/tasks", "/api/tasks", "/api/workers"):
            assert flower.ask(path).status == 401
            assert flower.ask(path, "ops:wrong").status == 401
        for act in (
            "worker/shutdown/one@test", "worker/pool/grow/one@test", "task/revoke/x",
            "task/send-task/tasks.maintenance.purge", "task/async-apply/tasks.maintenance.purge",
            "worker/queue/cancel-consumer/one@test?queue=orders",
        ):  # fmt: skip
            assert flower.ask(f"/api/{act}", LOGIN, "POST").status == 403, act
        # As its documentation says, and ours.
        assert flower.ask("/metrics").status == flower.ask("/healthcheck").status == 200
        assert worker.running
        assert flower.stop() == 0


def test_flower_does_not_start_open(settings: Settings) -> None:
    command = [sys.executable, "-m", "celery", "-A", "avnu", "flower", "--address=0.0.0.0"]
    environ = {**os.environ, **settings.to_environ(), "FLOWER_PORT": str(free_port())}
    ended = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, check=False)
    assert ended.returncode == 1
    assert b"set FLOWER_BASIC_AUTH" in ended.stderr


def told(flower: Flower, path: str) -> Any:
    return flower.ask(path, LOGIN).json()


def heard(flower: Flower) -> list[str]:
    """Workers whose events have come in."""
    return [one["hostname"] for one in told(flower, "/workers?json=1")["data"]]


def tasks(flower: Flower, name: str, state: str) -> list[dict[str, Any]]:
    found = told(flower, f"/api/tasks?taskname={name}&state={state}")
    return sorted(found.values(), key=lambda task: task["received"])


def drained(flower: Flower) -> tuple[int, int]:
    """Webhooks done and shops visited, of all drains: a slow one leaves the rest to the next."""
    told = [one["result"] for one in tasks(flower, "tasks.orders.drain", "SUCCESS")]
    assert all("'area': 'orders', 'partition': 0" in one for one in told), told
    done, visited = (
        sum(int(n) for one in told for n in re.findall(rf"'{name}': (\d+)", one))
        for name in ("done", "shops")
    )
    return done, visited


def alone(flower: Flower) -> list[dict[str, Any]]:
    """Runs of the webhook in trouble."""
    found = told(flower, "/api/tasks?state=FAILURE")
    return sorted(found.values(), key=lambda task: task["received"])
