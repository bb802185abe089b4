"""Follows the instructions of tasks/__init__.py on a copy of the tree, step by step."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from avnu.connections import Connections
from avnu.keys import Keys
from avnu.secret import Secret
from avnu.settings import Settings
from avnu.store.database import Store
from tests.support.database import database_environ
from tests.support.market import rows
from tests.support.payloads import ROOT
from tests.support.waiting import wait_until

COPIED = ("avnu", "tasks", "tests/__init__.py", "tests/conftest.py", "tests/support",
          "tests/fixtures", "tests/unit/test_topics.py", "tests/unit/test_payloads.py",
          "pyproject.toml")  # fmt: skip

# It starts programs of its own, one of which runs all of tests/unit of the copy.
pytestmark = pytest.mark.timeout(300)

# Step 1: the row of the topic.
ROW = """
_TOYS = (_whole("toys/wound_up", "toys", "toy_changed"),)

TOPICS: """

# Step 2: the struct.
STRUCT = """
from avnu.shopify.payloads.fields import Time, WithId


class Toy(WithId, frozen=True, kw_only=True):
    title: str | None = None
    updated_at: Time | None = None
"""

# The module, and step 3: the function. A toy is kept as a product without variants.
MODULE = """
from collections.abc import Sequence

from avnu.following import Followed, Told, changed
from avnu.handlers import Area, Shop, Webhook
from avnu.shopify.payloads.toys import Toy
from avnu.store.market.changes import ResourceKind
from avnu.store.market.versions import Product

area = Area("toys")

TOYS: Followed[int] = Followed(
    name="toys",
    kind=ResourceKind.PRODUCT,
    put=lambda market, shop, versions: market.put_products(shop, versions),
    read=lambda reads, ids: reads.products_by_part(ids),
    delete=lambda market, shop, ids, at: market.delete_products(shop, ids, at),
)


@area.handler
def toy_changed(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    changed(shop, TOYS, [_toy(webhook) for webhook in webhooks])


def _toy(webhook: Webhook) -> Told[int]:
    toy = webhook.decode(Toy)
    if toy.updated_at is None:
        return Told(webhook, toy.id)
    return Told(webhook, toy.id, Product(id=toy.id, updated_at=toy.updated_at, title=toy.title))
"""

# Step 4: the body.
BODY = {"id": 6104872219384905731, "title": "Robot", "updated_at": "2026-07-01T18:00:00+02:00"}
OLDER = {**BODY, "title": "Robot in parts", "updated_at": "2026-07-01T17:00:00+02:00"}

DELIVER = """
import sys
from avnu.app import build_inbox
from avnu.connections import Connections
from avnu.inbox.arrival import Arrival
from avnu.settings import load_settings
from avnu.shopify.topics import topic_for

settings = load_settings()
topic = topic_for("toys/wound_up")
inbox = build_inbox(settings, Connections(settings))
body = sys.stdin.buffer.read()
print(*inbox.accept([
    Arrival(
        "one.myshopify.com", sys.argv[1], topic.name, topic.area, topic.destructive, b"m" * 32, body
    )
]))
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the tree with the toy topic, its area, its struct, its module and its body."""
    for name in COPIED:
        source, target = ROOT / name, tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    topics = tmp_path / "avnu/shopify/topics.py"
    edit(topics, '"app", "compliance")', '"app", "compliance", "toys")')
    edit(topics, "\nTOPICS: ", ROW)
    edit(topics, "in (*_ORDERS,", "in (*_TOYS, *_ORDERS,")
    (tmp_path / "avnu/shopify/payloads/toys.py").write_text(STRUCT)
    (tmp_path / "tasks/toys.py").write_text(MODULE)
    fixture = tmp_path / "tests/fixtures/payloads/toys__wound_up.json"
    fixture.write_text(json.dumps(BODY))
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1, f"{path.name} no longer holds {old!r} once"
    path.write_text(text.replace(old, new))


def environ(tree: Path, settings: Settings) -> dict[str, str]:
    return {
        **os.environ,
        **settings.to_environ(),
        **database_environ(tree / "database"),
        "PYTHONPATH": str(tree),
    }


@pytest.fixture
def worker(tree: Path, settings: Settings) -> Iterator["subprocess.Popen[bytes]"]:
    """A worker of the copied tree; its output is in ``worker.log`` beside it."""
    command = [sys.executable, "-m", "celery", "-A", "avnu", "worker", "-c", "1"]
    with (tree / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=tree, env=environ(tree, settings), stdout=log, stderr=log
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(timeout=60)


def test_the_new_topic_passes_the_tests_of_topics_and_payloads(
    tree: Path, settings: Settings
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests/unit"],
        cwd=tree, env=environ(tree, settings), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def deliver(tree: Path, settings: Settings, webhook_id: str, body: dict[str, Any]) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", DELIVER, webhook_id], cwd=tree, env=environ(tree, settings),
        input=json.dumps(body).encode(), capture_output=True, check=False,
    )  # fmt: skip
    assert answer.stdout.decode().strip() == "accepted", answer.stderr.decode()


def test_a_worker_writes_what_the_new_topic_tells_and_nothing_older(
    tree: Path, settings: Settings, worker: "subprocess.Popen[bytes]"
) -> None:
    counts = Connections(settings).inbox()

    def done(number: int) -> bool:
        assert worker.poll() is None, (tree / "worker.log").read_text()
        name = Keys(settings.avnu_namespace).of("counts")
        return counts.hget(name, "done:toys") == str(number).encode()

    with Store(Secret(environ(tree, settings)["DATABASE_URL"])) as store:
        for number, body in enumerate((BODY, OLDER), start=1):
            deliver(tree, settings, f"id-{number}", body)
            wait_until(partial(done, number), 60, "the toy's handler to run")
            (toy,) = rows(store)["products"]
            assert (toy["id"], toy["title"]) == (BODY["id"], BODY["title"])
