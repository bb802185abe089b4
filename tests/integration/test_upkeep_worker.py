"""Jobs on a real worker, sent as two beats would; and that it notes how often shops send."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from avnu.app import create_app
from avnu.jobs import beat_schedule
from avnu.store.database import Store
from avnu.subscriptions.habits import Habits
from tests.support.payloads import own
from tests.support.programs import Worker
from tests.support.stack import Stack
from tests.support.waiting import wait_until

STRANGER = "stranger.myshopify.com"


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    made = Stack(tmp_path, seed=1)
    yield made
    made.close()


def test_a_worker_does_a_job_once_and_notes_how_often_shops_send(stack: Stack) -> None:
    app = create_app(stack.settings)
    entry: Any = beat_schedule(stack.settings)["purge"]
    for expires in (-1, entry["options"]["expires"], entry["options"]["expires"]):
        app.send_task(entry["task"], expires=expires)
    body = own()["app/scopes_update"]
    made = [stack.maker.make("stranger", "app") for _ in range(3)]
    stack.accept(*(msgspec.structs.replace(one, body=body) for one in made))
    with Worker("one", stack.folder, stack.environ(), app="avnu") as worker:
        worker.start()
        wait_until(lambda: stack.counts()["done"] == 3, 20, "the webhooks are done")
        taken = "Task tasks.maintenance.purge["
        wait_until(lambda: worker.log.count(taken) >= 5, 20, "all are taken")
        worker.stop()
        log = worker.log
    assert log.count("'ended': 'done'") == 1, log
    assert log.count("'ended': 'not due'") == 1, log
    assert log.count("Discarding revoked task: tasks.maintenance.purge") == 1, log
    with Store(stack.settings.database_url) as store:
        [habit] = Habits(store).of(STRANGER)
    assert (habit.topic, habit.seen) == ("app/scopes_update", 3)
    app.runtime.connections.close()
