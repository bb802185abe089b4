"""The monitor on a real server: what it keeps, what it logs, and how beat is heard of."""

import dataclasses
import logging
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from celery.signals import after_task_publish, beat_init

from avnu.app import create_app
from avnu.connections import Connections
from avnu.embedded import free_port
from avnu.errors import InboxUnavailable
from avnu.health import watching
from avnu.health.beating import beat_notes
from avnu.health.check import State
from avnu.health.hearing import heard
from avnu.health.keeping import claim_look, keep, read_kept
from avnu.health.watching import watch
from avnu.inbox import Inbox
from avnu.jobs import CANARY, WATCH
from avnu.metrics import render
from avnu.secret import Secret
from avnu.settings import Settings
from avnu.store.database import Store
from avnu.store.schema import upgrade
from tests.conftest import PATIENT
from tests.support.acl import login, users_file
from tests.support.inbox import accept, move_time, open_inbox
from tests.support.servers import Server

Watch = Callable[[], dict[str, int | str]]


@pytest.fixture
def inbox(settings: Settings) -> Iterator[Inbox]:
    opened = open_inbox(settings)
    yield opened
    opened.client.close()


def owner() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def look(inbox: Inbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watch]:
    """One look of the monitor, whenever it is called."""
    url = f"sqlite:///{tmp_path_factory.mktemp('health') / 'shops.db'}"
    connections = Connections(inbox.settings)
    with Store(Secret(url)) as store:
        upgrade(store)

        def once() -> dict[str, int | str]:
            inbox.client.delete(inbox.keys.of("looking"))
            return watch(inbox.settings, connections, inbox, lambda: store, owner())

        yield once
    connections.close()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Server]:
    """A server that a test may hurt."""
    with Server(tmp_path / "server") as running:
        yield running


def state(inbox: Inbox, name: str) -> State:
    kept = read_kept(inbox)
    assert kept is not None
    check = kept.check(name)
    assert check is not None, [one.name for one in kept.checks]
    return check.state


def _check_of(record: logging.LogRecord) -> str:
    fields: dict[str, Any] = getattr(record, "fields", {})
    return str(fields.get("check"))


def levels(caplog: pytest.LogCaptureFixture, name: str) -> list[int]:
    """How loud each line about this check is."""
    return [record.levelno for record in caplog.records if _check_of(record) == name]


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
    (age,) = (line.split()[1] for line in lines if line.startswith("avnu_monitor_age_seconds "))
    assert 0 <= float(age) < 30
    assert not any("compliance_due" in line for line in lines)


def test_what_was_found_long_ago_is_not_told_by_metrics(inbox: Inbox, look: Watch) -> None:
    def told() -> set[str]:
        lines = render(inbox, connections).decode().splitlines()
        return {line.partition("{")[0].partition(" ")[0] for line in lines}

    connections = Connections(inbox.settings)
    look()
    move_time(inbox, 4.5 * inbox.settings.monitor_every_seconds)
    assert "avnu_check_state" in told(), "a few looks may fail"
    move_time(inbox, inbox.settings.monitor_every_seconds)
    left = told()
    connections.close()
    assert "avnu_check_state" not in left
    assert {"avnu_monitor_age_seconds", "avnu_subscriptions_missing"} <= left


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


def test_the_cache_s_own_counters_are_kept_and_compared(inbox: Inbox, look: Watch) -> None:
    connections = Connections(inbox.settings)
    counted = inbox.keys.of("cache_counts")
    connections.cache().hincrby(counted, "product shared", 9000)
    look()
    move_time(inbox, 30)
    connections.cache().hincrby(counted, "product loaded", 1400)
    connections.cache().hincrby(counted, "product local", 600)
    connections.cache().hincrby(counted, "* refused", 5)
    look()
    connections.close()
    kept = read_kept(inbox)
    assert kept is not None
    check = kept.check("hits")
    assert check is not None
    assert (check.state, check.found) == (State.WARNING, "30 % of 2,000 reads")


def test_a_replica_that_an_earlier_look_saw_is_missed(inbox: Inbox, look: Watch) -> None:
    look()
    kept = read_kept(inbox)
    assert kept is not None
    assert state(inbox, "replication") is State.OK
    seen = msgspec.structs.replace(kept, online={"inbox": [kept.looked_ms]})
    inbox.client.set(inbox.keys.of("found"), msgspec.json.encode(seen))
    for _ in range(2):
        look()
        assert state(inbox, "replication") is State.WARNING


def test_one_of_all_that_are_asked_looks(inbox: Inbox, look: Watch) -> None:
    look()
    assert claim_look(inbox, 30, owner()) is None
    assert 0 < inbox.client.pttl(inbox.keys.of("looking")) <= 0.8 * 30_000, "of this period alone"
    inbox.client.delete(inbox.keys.of("looking"))
    claims = [claim_look(inbox, 30, owner()) for _ in range(3)]
    assert [claim is not None for claim in claims] == [True, False, False]
    assert inbox.client.pttl(inbox.keys.of("looking")) > 30_000, "a look may take longer than that"


def test_a_look_that_was_overtaken_keeps_nothing(inbox: Inbox, look: Watch) -> None:
    look()
    kept = read_kept(inbox)
    assert kept is not None
    inbox.client.delete(inbox.keys.of("looking"))
    late = claim_look(inbox, 30, owner())
    inbox.client.delete(inbox.keys.of("looking"))
    assert late is not None
    assert not keep(inbox, msgspec.structs.replace(kept, looked_ms=1), late), "it is nobody's"
    own = claim_look(inbox, 30, owner())
    assert own is not None
    assert not keep(inbox, msgspec.structs.replace(kept, looked_ms=1), late), "it is another's"
    assert read_kept(inbox) == kept
    newer = msgspec.structs.replace(kept, looked_ms=2)
    assert keep(inbox, newer, own)
    assert read_kept(inbox) == newer


def test_without_a_database_all_else_is_still_looked_at(settings: Settings) -> None:
    inbox, connections = open_inbox(settings), Connections(settings)
    accept(inbox, 1)
    with Store(Secret("postgresql://127.0.0.1:1/none")) as store:
        watch(settings, connections, inbox, lambda: store, owner())
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


@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_a_server_that_refuses_writes_is_looked_at_and_told_of(
    fault: str, own: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "avnu.health")
    settings = Settings.load({**own.environ(), **PATIENT})
    inbox, connections = open_inbox(settings), Connections(settings)
    with Store(Secret(f"sqlite:///{tmp_path / 'shops.db'}")) as store, own.client() as client:
        upgrade(store)
        assert watch(settings, connections, inbox, lambda: store, owner())["ended"] == "done"
        inbox.client.delete(inbox.keys.of("looking"))
        before = read_kept(inbox)
        caplog.clear()
        if fault == "full":
            client.config_set("maxmemory", 1)
        else:
            client.replicaof("127.0.0.1", "1")  # nobody listens there
        for _ in range(2):
            assert (
                watch(settings, connections, inbox, lambda: store, owner())["ended"] == "not kept"
            )
        assert read_kept(inbox) == before
        assert levels(caplog, "inbox database 2") == 2 * [logging.ERROR], "once at each look"
        assert not levels(caplog, "server"), "what is well is not told"
    connections.close()
    inbox.client.close()


def test_a_change_that_was_not_kept_is_told_as_one_when_it_is(
    inbox: Inbox, look: Watch, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is found is told, and a change only of what the next look can compare with."""
    inbox.tick()
    look()
    move_time(inbox, 60)
    with monkeypatch.context() as refusing:
        refusing.setattr(watching, "keep", _refused)
        for _ in range(2):
            assert look()["ended"] == "not kept"
    events = [one.getMessage() for one in caplog.records if _check_of(one) == "workers"]
    assert events == 2 * ["health found, not kept"]
    caplog.clear()
    for _ in range(2):
        look()
    assert changes(caplog, "workers") == [("ok", "failed")]


def test_a_worker_s_redis_user_may_do_all_that_a_look_needs(tmp_path: Path) -> None:
    path = users_file(tmp_path, "watched")
    path.write_text(path.read_text() + "user looker on >made-up ~* &* +@all\n")
    with Server(tmp_path / "server", extra=["--aclfile", str(path)]) as server:
        settings = Settings.load(
            {**server.environ(), **PATIENT, **login("worker"), "AVNU_NAMESPACE": "watched"}
        )
        inbox, connections = open_inbox(settings), Connections(settings)
        with Store(Secret(f"sqlite:///{tmp_path / 'shops.db'}")) as store:
            upgrade(store)
            assert watch(settings, connections, inbox, lambda: store, owner())["ended"] == "done"
        with server.client(username="looker", password="made-up") as client:
            assert client.acl_log() == []
        connections.close()
        inbox.client.close()


def _refused(*_: object) -> bool:
    raise InboxUnavailable("refused")


def test_that_it_could_not_look_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(Settings.load({"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(free_port())}))
    app.loader.import_default_modules()
    assert app.tasks[WATCH]() == {"ended": "inbox"}
    assert "the monitor could not look" in [one.getMessage() for one in caplog.records]
    app.runtime.connections.close()


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
    assert heard(inbox).beat_s < 60
    app.runtime.connections.close()


def test_a_worker_that_takes_the_canary_says_so(settings: Settings) -> None:
    app = create_app(settings)
    app.loader.import_default_modules()
    app.tasks[CANARY]()
    assert heard(app.runtime.inbox).canary_s < 60
    app.runtime.connections.close()
