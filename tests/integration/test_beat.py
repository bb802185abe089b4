"""Two beats in one process: one sends, another takes over."""

import math
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from avnu.app import create_app
from avnu.beat import Scheduler
from avnu.health.hearing import heard
from avnu.jobs import JOBS
from avnu.settings import Settings
from tests.conftest import PATIENT
from tests.support.command import runner, told
from tests.support.database import database_environ
from tests.support.servers import Server
from tests.support.waiting import wait_until

TAKES_OVER_S = 20.0


class Beats:
    """As many as a test wants, on one server."""

    def __init__(self, settings: Settings) -> None:
        self.app = create_app(settings)
        self.app.conf.redbeat_lock_timeout = 60
        self.queue: Any = self.app.runtime.connections.queue()
        self._prefix = f"{settings.avnu_namespace}:redbeat:"
        self._waiting = f"{settings.avnu_namespace}:maintenance"
        self._made: list[Scheduler] = []

    def one(self) -> Scheduler:
        self._made.append(Scheduler(self.app, max_interval=5))
        return self._made[-1]

    def close(self) -> None:
        """Also those that a test has left for dead."""
        for beat in self._made:
            beat.close()
        self.app.runtime.connections.close()

    def sent(self) -> Counter[str]:
        """Messages that wait, by job."""
        messages = map(msgspec.json.decode, self.queue.lrange(self._waiting, 0, -1))
        return Counter(one["headers"]["task"].rpartition(".")[2] for one in messages)

    def all_due(self, beat: Scheduler) -> None:
        """As if nothing had been sent for two days."""
        for name in JOBS:
            self.due(beat, name)

    def due(self, beat: Scheduler, name: str) -> None:
        """As if this had not been sent for two days."""
        entry = beat.Entry.from_key(f"{self._prefix}{name}", app=self.app)
        entry.reschedule(self.app.now() - timedelta(days=2))

    def fill(self) -> int:
        """As many messages as nobody took while beat still sent some; how many."""
        most = 100 + self.app.runtime.settings.reconcile_at_once
        return int(self.queue.rpush(self._waiting, *["{}"] * most))

    def waiting(self) -> int:
        """Messages that nobody has taken."""
        return int(self.queue.llen(self._waiting))


@pytest.fixture
def beats(settings: Settings) -> Iterator[Beats]:
    made = Beats(settings)
    yield made
    made.close()


ONCE = Counter(dict.fromkeys(JOBS, 1))


def test_one_leads_and_sends_each_job_once_and_a_dead_one_is_followed(beats: Beats) -> None:
    first, second = beats.one(), beats.one()
    first.lock_timeout = 1  # that of the second must not end when this machine stands still
    for beat in (first, second):
        beat.tick()
    beats.all_due(first)
    for beat in (first, second, first, second):
        assert 0 < beat.tick() <= 5
    assert beats.sent() == ONCE
    beats.all_due(first)
    # The first is killed: it says nothing any more.
    wait_until(lambda: second.tick() and beats.sent() == ONCE + ONCE, TAKES_OVER_S, "taken over")
    # It was only held up, and sends nothing beside the other.
    beats.all_due(second)
    first.tick()
    assert beats.sent() == ONCE + ONCE
    second.tick()
    assert beats.sent() == ONCE + ONCE + ONCE


def test_one_that_ends_in_order_is_followed_at_once(beats: Beats) -> None:
    first, second = beats.one(), beats.one()
    first.tick()
    beats.all_due(first)
    first.close()
    first.close()
    second.tick()
    assert beats.sent() == ONCE


def test_where_nobody_takes_its_messages_the_canary_is_told_of_and_not_beat(
    beats: Beats, settings: Settings, tmp_path: Path
) -> None:
    beat, inbox = beats.one(), beats.app.runtime.inbox
    beat.tick()
    full = beats.fill()
    beats.due(beat, "purge")
    beat.tick()
    assert heard(inbox).beat_s == math.inf, "the canary was not due"
    beats.due(beat, "canary")
    beat.tick()
    assert beats.waiting() == full, "nothing was sent"
    assert heard(inbox).beat_s < 60
    environ = settings.to_environ() | database_environ(tmp_path)
    checks = told(runner(environ)("doctor", "--json"))["checks"]
    states = {check["name"]: check["state"] for check in checks}
    assert (states["beat"], states["canary"]) == ("ok", "failed")


def test_a_wiped_schedule_is_written_again(beats: Beats) -> None:
    beat = beats.one()
    beat.tick()
    beats.queue.flushdb()
    beat.tick()
    beats.all_due(beat)
    beat.tick()
    assert beats.sent() == ONCE


def test_what_was_sent_is_known_to_the_next_beat(beats: Beats) -> None:
    first = beats.one()
    first.tick()
    beats.all_due(first)
    first.tick()
    first.close()
    beats.one().tick()
    assert beats.sent() == ONCE


def test_beat_goes_on_when_its_redis_comes_back(tmp_path: Path) -> None:
    with Server(tmp_path) as server:
        beats = Beats(Settings.load({**server.environ(), **PATIENT}))
        server.kill()
        beat = beats.one()  # started while Redis is away
        assert beat.tick() == 1
        server.start()
        beat.tick()
        beats.all_due(beat)
        beat.tick()
        assert beats.sent() == ONCE
        server.kill()
        assert beat.tick() == 1
        server.start()
        beats.all_due(beat)
        wait_until(lambda: beat.tick() and beats.sent() == ONCE + ONCE, TAKES_OVER_S, "sent again")
        beats.app.runtime.connections.close()
