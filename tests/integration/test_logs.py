"""One webhook is followed through the logs of a real receiver and a real worker, in both forms."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.deliveries import SECRET, Post
from tests.support.stack import Stack
from tests.support.waiting import wait_until

PERSON = "someone@example.com"
PAIR = re.compile(r'([a-z_]+)=("(?:[^"\\]|\\.)*"|[!#-<>-\[\]-~]+)(?: |$)')
UTC_MS = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ")

Line = dict[str, Any]


def text_line(line: str) -> Line:
    pairs = PAIR.findall(line)
    assert "".join(f"{name}={value} " for name, value in pairs).rstrip() == line.rstrip(), line
    return {name: json.loads(value) if value[0] == '"' else value for name, value in pairs}


READ: dict[str, Callable[[str], Line]] = {"text": text_line, "json": json.loads}


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    made = Stack(tmp_path, seed=1)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("receivers", "workers"),
    [("text", "json"), pytest.param("json", "text", marks=pytest.mark.soak)],
)
def test_a_webhook_is_followed_from_accept_to_settle(
    stack: Stack, receivers: str, workers: str
) -> None:
    healthy = stack.maker.make("one-shop", note=PERSON)
    troubled = stack.maker.make("two-shop", do=["raise", "raise", "done"], note=PERSON)
    receiver, worker = stack.receiver(LOG_FORMAT=receivers), stack.worker(LOG_FORMAT=workers)
    receiver.start()
    worker.start()
    post = Post(receiver.url)
    assert post.send([healthy, troubled, healthy]) == [healthy, troubled, healthy]
    wait_until(lambda: stack.counts()["done"] == 2, 20, "both are done")
    receiver.stop()
    worker.stop()

    # Celery's signal handler writes past all logging.
    ended = "\nworker: Warm shutdown (MainProcess)\n"
    lines = [READ[receivers](line) for line in receiver.log.splitlines()]
    lines += [READ[workers](line) for line in worker.log.replace(ended, "").splitlines()]
    for line in lines:
        assert UTC_MS.fullmatch(line["time"]), line
        assert {"level", "logger", "pid", "event"} <= line.keys(), line
    assert told(lines, "w-000001") == ["received", "received", "settled"]
    # Who sends a webhook alone and who runs it are two processes, and either may write first.
    assert Counter(told(lines, "w-000002")) == {
        "received": 1, "settled": 1, "sent alone": 2, "ran alone": 2,
    }  # fmt: skip
    one, again, done = about(lines, "w-000001")
    assert (ref_of(one["accepted"]), ref_of(again["duplicate"])) == ("one-shop/w-000001",) * 2
    assert ref_of(done["done"]) == "one-shop/w-000001"
    # The task's own line has the same id.
    assert any(
        line["logger"] == "celery.app.trace"
        and line["task_id"] == done["task_id"]
        and line["task"] == "tasks.orders.drain"
        for line in lines
    )
    runs = [line for line in about(lines, "w-000002") if line["event"] == "ran alone"]
    attempts = sorted((int(run["attempt"]), run["outcome"]) for run in runs)
    assert attempts == [(2, "failed"), (3, "done")]
    [fault] = [line for line in lines if str(line.get("error", "")).startswith("HandlerFailed")]
    assert "scripted.py" in fault["trace"]
    everything = receiver.log + worker.log
    assert PERSON not in everything
    assert SECRET.decode() not in everything


def about(lines: list[Line], webhook_id: str) -> list[Line]:
    """As ``grep`` finds them; Celery's own lines of a task do not name its webhook."""
    return [line for line in lines if webhook_id in json.dumps(line)]


def told(lines: list[Line], webhook_id: str) -> list[str]:
    return [line["event"] for line in about(lines, webhook_id)]


def ref_of(value: Any) -> str:
    """The only one of a list, which is text where all values are."""
    return str(value[0] if isinstance(value, list) else value)
