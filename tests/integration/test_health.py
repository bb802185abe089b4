"""The monitor on a real server: what it keeps, what it logs, and how beat is heard of."""

import dataclasses
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery.signals import after_task_publish, beat_init

from avnu.app import create_app
from avnu.connections import Connections
from avnu.health.beating import beat_notes
from avnu.health.check import State
from avnu.health.hearing import heard
from avnu.health.keeping import may_look, read_kept
from avnu.health.watching import watch
from avnu.inbox import Inbox
from avnu.jobs import CANARY
from avnu.metrics import render
from avnu.secret import Secret
from avnu.settings import Settings
from avnu.store.database import Store
from avnu.store.schema import upgrade
from tests.support.inbox import accept, move_time, open_inbox

Watch = Callable[[], dict[str, int | str]]


@pytest.fixture
def inbox(settings: Settings) -> Iterator[Inbox]:
    opened = open_inbox(settings)
    yield opened
    opened.client.close()


@pytest.fixture
def look(inbox: Inbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watch]:
    """One look of the monitor, whenever it is called."""
    url = f"sqlite:///{tmp_path_factory.mktemp('health') / 'shops.db'}"
    connections = Connections(inbox.settings)
    with Store(Secret(url)) as store:
        upgrade(store)

        def once() -> dict[str, int | str]:
            inbox.client.delete(inbox.keys.of("looking"))
            return watch(inbox.settings, connections, inbox, lambda: store)

        yield once
    connections.close()


def state(inbox: Inbox, name: str) -> State:
    kept = read_kept(inbox)
    assert kept is not None
    check = kept.check(name)
    assert check is not None, [one.name for one in kept.checks]
    return check.state


def changes(caplog: pytest.LogCaptureFixture, name: str) -> list[tuple[str, str]]:
    """Before and after, of each line about this check."""
    told: list[Any] = [getattr(record, "fields", {}) for record in caplog.records]
    return [(one["was"], one["state"]) for one in told if one.get("check") == name]


def test_a_change_is_logged_once_and_the_way_back_too(
    inbox: Inbox, look: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "avnu.health")
    inbox.tick()
    look()
    assert changes(caplog, "workers") == []
    move_time(inbox, 60)
    for _ in range(3):
        look()
    assert state(inbox, "workers") is State.FAILED
    inbox.tick()
    for _ in range(2):
        look()
    assert changes(caplog, "workers") == [("ok", "failed"), ("failed", "ok")]


def test_what_is_found_is_told_by_metrics(inbox: Inbox, look: Watch) -> None:
    look()
    connections = Connections(inbox.settings)
    lines = render(inbox, connections).decode().splitlines()
    connections.close()
    assert 'avnu_check_state{check="workers"} 2.0' in lines
    assert 'avnu_check_state{check="server"} 0.0' in lines
    assert 'avnu_check_state{check="memory"} 1.0' in lines
    assert "avnu_subscriptions_missing 0.0" in lines
    assert any(line.startswith("avnu_monitor_age_seconds 0") for line in lines)
    assert not any("compliance_due" in line for line in lines)


def test_rates_are_reckoned_from_what_was_kept(inbox: Inbox, look: Watch) -> None:
    look()
    kept = read_kept(inbox)
    assert kept is not None
    assert kept.check("dead letters") is None, "nothing to compare with yet"
    move_time(inbox, 30)
    inbox.flush_counters({"dead:orders:rejected": 2, "unavailable": 30})
    look()
    assert state(inbox, "dead letters") is State.WARNING
    assert state(inbox, "outcomes") is State.FAILED
    for _ in range(3):
        move_time(inbox, inbox.settings.monitor_window_seconds)
        look()
    assert state(inbox, "dead letters") is State.OK
    assert state(inbox, "outcomes") is State.OK


def test_one_of_all_that_are_asked_looks(inbox: Inbox, look: Watch) -> None:
    look()
    assert not may_look(inbox, 30)
    inbox.client.delete(inbox.keys.of("looking"))
    assert [may_look(inbox, 30) for _ in range(3)] == [True, False, False]


def test_without_a_database_all_else_is_still_looked_at(settings: Settings) -> None:
    inbox, connections = open_inbox(settings), Connections(settings)
    accept(inbox, 1)
    with Store(Secret("postgresql://127.0.0.1:1/none")) as store:
        watch(settings, connections, inbox, lambda: store)
    connections.close()
    assert state(inbox, "database") is State.FAILED
    assert state(inbox, "server") is State.OK
    kept = read_kept(inbox)
    assert kept is not None
    assert kept.subscriptions_missing is None


def test_what_another_version_kept_is_no_hindrance(inbox: Inbox, look: Watch) -> None:
    inbox.client.set(inbox.keys.of("found"), b'{"of": "another version"}')
    look()
    assert state(inbox, "server") is State.OK


def test_beat_is_heard_of_when_it_has_sent_its_canary(settings: Settings) -> None:
    app = create_app(dataclasses.replace(settings))
    inbox = app.runtime.inbox
    beat_notes(app)
    after_task_publish.send(sender=CANARY)
    assert heard(inbox).beat_s == float("inf"), "this process is no beat"
    beat_init.send(sender=None)
    after_task_publish.send(sender="tasks.maintenance.purge")
    assert heard(inbox).beat_s == float("inf")
    after_task_publish.send(sender=CANARY)
    assert heard(inbox).beat_s < 10
    app.runtime.connections.close()


def test_a_worker_that_takes_the_canary_says_so(settings: Settings) -> None:
    app = create_app(settings)
    app.loader.import_default_modules()
    app.tasks[CANARY]()
    assert heard(app.runtime.inbox).canary_s < 10
    app.runtime.connections.close()
