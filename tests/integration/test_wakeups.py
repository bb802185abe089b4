"""The message that a script pushes is Celery's own: kombu reads it, a stock worker runs it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from avnu.app import AvnuCelery, create_app
from avnu.inbox import Inbox
from avnu.settings import Settings
from avnu.shopify.topics import AREAS
from tests.support.inbox import BACK, accept, begin, partition, queue_client, queued, settle
from tests.support.waiting import wait_until

pytest_plugins = ("tests.support.inbox_fixtures",)


@pytest.fixture
def app(both: Settings) -> Iterator[AvnuCelery]:
    made = create_app(both)
    yield made
    made.close()
    made.runtime.inbox.client.close()


def woken(inbox: Inbox) -> dict[str, int]:
    """A wake-up stands in the queue of every area; the partition it names."""
    for area in AREAS:
        accept(inbox, area, topic="any/topic", area=area)
    return {area: partition(inbox) for area in AREAS}


def test_kombu_reads_it(app: AvnuCelery) -> None:
    parts = woken(app.runtime.inbox)
    with app.connection_for_read() as connection:
        channel: Any = connection.channel()
        for area in AREAS:
            message = channel.basic_get(area, no_ack=True)
            args, kwargs, _ = message.decode()
            assert (args, kwargs) == ([parts[area], 1], {})
            assert message.headers["task"] == f"tasks.{area}.drain"
            assert message.headers["ignore_result"] is True
            assert message.delivery_info["routing_key"] == area
            assert message.properties["correlation_id"] == message.headers["id"]


def test_it_is_what_apply_async_publishes_but_for_its_ids(app: AvnuCelery) -> None:
    parts = woken(app.runtime.inbox)
    for area in AREAS:
        app.loader.import_task_module(f"tasks.{area}")
        shown = f"(partition={parts[area]}, wake=1)"
        task: Any = app.tasks[f"tasks.{area}.drain"]
        task.apply_async((parts[area], 1), argsrepr=shown)
        with queue_client(app.runtime.inbox) as client:
            key = f"{app.runtime.settings.avnu_namespace}:{area}"
            theirs, ours = client.lrange(key, 0, -1)
        assert without_ids(ours) == without_ids(theirs)


def without_ids(raw: bytes) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(raw)
    headers, properties = message["headers"], message["properties"]
    assert headers.pop("id") == headers.pop("root_id") == properties.pop("correlation_id")
    assert properties.pop("delivery_tag")
    properties.pop("argsrepr", None)  # Celery sends it here as well
    # Where an answer would go, and which process published: nobody answers, no process publishes.
    del properties["reply_to"], headers["origin"]
    # Who knows the task sends its time limit along; without, the worker takes the task's own.
    assert headers.pop("timelimit")[1] is None
    return message


def test_every_wake_up_has_an_id_of_its_own(app: AvnuCelery) -> None:
    inbox = app.runtime.inbox
    accept(inbox, 1, 2)
    for n in range(3, 6):
        accept(inbox, n)
        assert settle_one(inbox)
    with queue_client(inbox) as client:
        raw = client.lrange(f"{inbox.settings.avnu_namespace}:orders", 0, -1)
    ids = [json.loads(message)["headers"]["id"] for message in raw]
    tags = [json.loads(message)["properties"]["delivery_tag"] for message in raw]
    assert len(raw) == len(set(ids)) == len(set(tags)) == 4
    assert [wake for _, wake in queued(inbox)] == [1, 2, 3, 4]


def settle_one(inbox: Inbox) -> bool:
    holder, batch = begin(inbox)
    return settle(holder, *[BACK] * len(batch.webhooks)) == "END"


def test_it_holds_nothing_of_the_webhook(app: AvnuCelery) -> None:
    inbox = app.runtime.inbox
    accept(inbox, "the-id", shop="the-shop", body=b"the-body" * 20)
    with queue_client(inbox) as client:
        message = client.lindex(f"{inbox.settings.avnu_namespace}:orders", 0)
    for secret in (b"the-id", b"the-shop", b"the-body", b"orders/create"):
        assert secret not in message


STOCK = """
import json
import redis
from celery import Celery

broker, prefix = open("where").read().split()
app = Celery("stock", broker=broker)
app.conf.broker_transport_options = {"global_keyprefix": prefix}

@app.task(name="tasks.orders.drain", bind=True)
def drain(task, partition, wake):
    redis.Redis.from_url(broker).rpush("ran", json.dumps([partition, wake, task.request.id]))
"""


def test_a_stock_worker_runs_it(settings: Settings, tmp_path: Path) -> None:
    """A plain Celery application that knows nothing of Avnu but where the queue is."""
    app = create_app(settings)
    inbox = app.runtime.inbox
    shops = {partition(inbox, f"shop{n}"): f"shop{n}" for n in range(30)}
    for shop in shops.values():
        accept(inbox, 1, shop=shop)
    expected = queued(inbox)
    (tmp_path / "stock.py").write_text(STOCK)
    (tmp_path / "where").write_text(f"{app.conf.broker_url} {settings.avnu_namespace}:")
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "stock",
        "worker",
        "-P",
        "solo",
        "-Q",
        "orders",
    ]
    quiet = ["--without-mingle", "--without-gossip", "--without-heartbeat", "-l", "WARNING"]
    with (tmp_path / "log").open("w") as log, queue_client(inbox) as client:
        worker = subprocess.Popen(
            [*command, *quiet], cwd=tmp_path, stdout=log, stderr=log,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
        )  # fmt: skip
        try:
            wait_until(lambda: client.llen("ran") == len(expected), 60, "every wake-up was run")
            ran = [json.loads(one) for one in client.lrange("ran", 0, -1)]
        finally:
            worker.send_signal(signal.SIGTERM)
            worker.wait(30)
    assert [(p, wake) for p, wake, _ in ran] == expected
    assert all(isinstance(value, int) for p, wake, _ in ran for value in (p, wake))
    assert len({task_id for _, _, task_id in ran}) == len(expected)
