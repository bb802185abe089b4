"""A receiver is killed or stopped under load: everything it answered 200 to is in the inbox."""

import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from avnu.app import build_inbox
from avnu.connections import Connections
from avnu.inbox import Inbox
from avnu.inbox.audit import audit
from avnu.keys import ref
from avnu.settings import Settings
from tests.conftest import API_SECRET
from tests.support.doors import ASGI, DOORS, SHOP, Door, signed
from tests.support.servers import Server
from tests.support.waiting import wait_until

SENDERS = 8
KILLS = 3


class Senders:
    """Threads that deliver until told to stop; ``kept`` and ``seen`` are what came back."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.kept: list[str] = []
        self.seen: list[int] = []
        self.tried = 0
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(SENDERS)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def wait_kept(self, more: int) -> None:
        """Until so many more were answered 200."""
        enough = len(self.kept) + more
        wait_until(lambda: len(self.kept) >= enough, 20, f"{more} more were kept")

    def _run(self, sender: int) -> None:
        for n in range(1_000_000):
            if self._ended.is_set():
                return
            webhook_id = f"{sender}-{n}"
            body = f'{{"id": "{webhook_id}", "pad": "{"x" * 200}"}}'.encode()
            headers = signed(self.door.secret, body, webhook_id=webhook_id)
            try:
                self.tried += 1
                status = self.door.post(body, headers.items()).status
            except OSError:  # nobody listens just now
                time.sleep(0.01)
                continue
            self.seen.append(status)
            if status == 200:
                self.kept.append(webhook_id)


@pytest.fixture
def settings(server: Server, flush: None) -> Settings:
    return Settings.load({**server.environ(), "SHOPIFY_API_SECRET": API_SECRET})


@pytest.fixture
def inbox(settings: Settings) -> Iterator[Inbox]:
    connections = Connections(settings)
    yield build_inbox(settings, connections)
    connections.close()


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> Iterator[Door]:
    with Door(request.param, tmp_path, settings).start() as running:
        yield running


def missing(inbox: Inbox, webhook_ids: list[str]) -> list[str]:
    with inbox.client.pipeline(transaction=False) as pipe:
        for one in webhook_ids:
            pipe.exists(inbox.keys.of("record", ref(SHOP, one)))
        found = pipe.execute()
    return [one for one, there in zip(webhook_ids, found, strict=True) if not there]


def test_killed_under_load(door: Door, inbox: Inbox) -> None:
    chance = random.Random(4)
    senders = Senders(door)
    try:
        for _ in range(KILLS):
            senders.wait_kept(chance.randrange(100, 300))
            door.kill_all()
            door.start()
        senders.wait_kept(50)
    finally:
        senders.stop()
    assert missing(inbox, senders.kept) == []
    found = audit(inbox)
    assert found.ok, found.faults


def test_stopped_under_load(door: Door, inbox: Inbox) -> None:
    """Nothing it took is left unanswered, and what it counted is in the inbox."""
    rejected = 5
    for _ in range(rejected):
        assert door.post(b"{}", []).status == 401
    senders = Senders(door)
    try:
        senders.wait_kept(200)
        assert door.stop() in {0, -signal.SIGTERM}  # uvicorn ends by the signal it was given
    finally:
        senders.stop()
    assert missing(inbox, senders.kept) == []
    # Without a close in the middle: refused connections apart, each delivery had its answer.
    # gunicorn drops connections that wait in line for a thread, so this is the ASGI door's alone.
    if door.kind == ASGI:
        assert senders.seen.count(0) <= SENDERS
    counts = inbox.client.hgetall(inbox.keys.of("counts"))
    assert int(counts[b"rejected"]) == rejected
    accepted = sum(int(n) for key, n in counts.items() if key.startswith(b"accepted"))
    assert accepted >= len(senders.kept)
    found = audit(inbox)
    assert found.ok, found.faults
