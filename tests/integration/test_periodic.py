"""Periodic jobs: each period is one caller's, and a holder that dies is replaced."""

import dataclasses
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from celery.schedules import schedule
from sqlalchemy import select, update

from avnu.app import create_app
from avnu.beat import Scheduler
from avnu.errors import HandlerFailed
from avnu.jobs import JOBS
from avnu.periodic import Periodic
from avnu.runtime import Runtime
from avnu.secret import Secret
from avnu.settings import Settings
from avnu.store.database import Store
from avnu.store.tables import periodic
from avnu.upkeep import run_job
from tests.support.database import database_environ

pytest_plugins = ("tests.support.store_fixtures",)

DAY_S, WITHIN_S = 86400.0, 60.0
ROUNDS = 5

# One process: it claims whenever it is asked, and says what came of it.
CALLER = """
import sys
from avnu.periodic import Periodic
from avnu.secret import Secret
from avnu.store.database import Store

with Store(Secret(sys.argv[1])) as store:
    print("ready", flush=True)
    for line in sys.stdin:
        owner, name = line.split()
        print(int(Periodic(store, owner).claim(name, 86400.0, 60.0)), flush=True)
"""


def pass_time(store: Store, name: str, seconds: float) -> None:
    """As if so much time had passed, by the database's clock."""
    with store.writing() as connection:
        row = connection.execute(select(periodic).where(periodic.c.name == name)).one()
        moved = {
            key: getattr(row, key) - timedelta(seconds=seconds)
            for key in ("due_at", "until")
            if getattr(row, key) is not None
        }
        connection.execute(update(periodic).where(periodic.c.name == name).values(moved))


def test_a_period_is_one_callers_and_the_next_begins_in_time(store: Store) -> None:
    one, two = Periodic(store, "one"), Periodic(store, "two")
    assert one.claim("job", DAY_S, WITHIN_S)
    assert not two.claim("job", DAY_S, WITHIN_S)
    one.ended("job")
    assert not two.claim("job", DAY_S, WITHIN_S)
    # Beat's next message may be a little early, and counts all the same.
    pass_time(store, "job", 0.95 * DAY_S)
    assert two.claim("job", DAY_S, WITHIN_S)
    two.ended("job")
    assert two.claim("other", DAY_S, WITHIN_S)


def test_a_holder_that_is_dead_is_replaced_and_ends_nothing_of_its_successors(
    store: Store,
) -> None:
    dead, next_ = Periodic(store, "dead"), Periodic(store, "next")
    assert dead.claim("job", DAY_S, WITHIN_S)
    pass_time(store, "job", WITHIN_S - 5)
    assert not next_.claim("job", DAY_S, WITHIN_S)
    pass_time(store, "job", 5)
    assert next_.claim("job", DAY_S, WITHIN_S)
    dead.ended("job")
    pass_time(store, "job", WITHIN_S - 5)
    assert not dead.claim("job", DAY_S, WITHIN_S)


def test_a_job_that_is_still_at_it_is_not_begun_again(store: Store) -> None:
    long_, other = Periodic(store, "long"), Periodic(store, "other")
    assert long_.claim("job", 10.0, WITHIN_S)
    pass_time(store, "job", 30)
    assert not other.claim("job", 10.0, WITHIN_S)
    long_.ended("job")
    assert other.claim("job", 10.0, WITHIN_S)


def test_many_threads_at_one_instant(store: Store) -> None:
    callers = [Periodic(store, f"caller {n}") for n in range(16)]
    with ThreadPoolExecutor(len(callers)) as pool:
        for number in range(ROUNDS):
            name = f"job {number % 2}"  # a new row first, then one that is due again
            won = list(pool.map(lambda one, name=name: one.claim(name, DAY_S, WITHIN_S), callers))
            assert won.count(True) == 1
            pass_time(store, name, DAY_S)


def test_many_processes_and_one_of_them_killed_while_it_has_the_job(
    database: Secret, store: Store
) -> None:
    with ExitStack() as stack:
        every = [stack.enter_context(_caller(database)) for _ in range(2)]
        for process in every:
            assert _line(process) == "ready"
        for _ in range(ROUNDS):
            assert sum(_ask(every, "job")) == 1
            pass_time(store, "job", DAY_S)
        won = _ask(every, "job")
        assert sum(won) == 1
        killed = every.pop(won.index(1))
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()
        assert _ask(every, "job") == [0]
        pass_time(store, "job", WITHIN_S)
        assert _ask(every, "job") == [1]
        for process in every:
            process.communicate()


def _caller(database: Secret) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", CALLER, database.reveal()],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _ask(every: "list[subprocess.Popen[str]]", name: str) -> list[int]:
    for process in every:
        assert process.stdin is not None
        process.stdin.write(f"{process.pid} {name}\n")
    for process in every:
        assert process.stdin is not None
        process.stdin.flush()
    return [int(_line(process)) for process in every]


# ---- as tasks


@pytest.fixture
def runtime(settings: Settings, tmp_path: Path) -> Iterator[Runtime]:
    known = Settings.load({**settings.to_environ(), **database_environ(tmp_path)})
    made = create_app(known).runtime
    yield made
    made.services.get().close()
    made.connections.close()


def test_two_beats_give_one_run(runtime: Runtime) -> None:
    deadlines: list[float] = []

    def work(_: Runtime, until_s: float) -> dict[str, int]:
        deadlines.append(until_s)
        return {"things": 7}

    began_s = runtime.clock.monotonic()
    assert run_job(runtime, "purge", work) == {"ended": "done", "things": 7}
    assert run_job(runtime, "purge", work) == {"ended": "not due"}
    [until_s] = deadlines
    assert until_s - began_s == pytest.approx(JOBS["purge"].lasts_s, abs=5)


def test_a_job_that_fails_says_where_and_comes_again_in_its_next_period(runtime: Runtime) -> None:
    def fails(_: Runtime, __: float) -> dict[str, int]:
        raise ValueError("anna@example.com")

    with pytest.raises(HandlerFailed, match=r"ValueError at test_periodic.py:\d+") as raised:
        run_job(runtime, "purge", fails)
    assert "anna" not in str(raised.value)
    store = runtime.services.get().store
    pass_time(store, "purge", DAY_S)
    assert run_job(runtime, "purge", lambda *_: {}) == {"ended": "done"}


@pytest.mark.parametrize("address", ["sqlite:////nowhere/at/all.db", "empty"])
def test_without_a_database_a_job_is_one_line_in_the_log(
    runtime: Runtime, tmp_path: Path, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"sqlite:///{tmp_path / 'empty.db'}" if address == "empty" else address
    without = create_app(dataclasses.replace(runtime.settings, database_url=Secret(url))).runtime
    assert run_job(without, "purge", _never) == {"ended": "database"}
    assert [record.message[:14] for record in caplog.records] == ["purge: not now"]


def _never(_: Runtime, __: float) -> dict[str, int]:
    raise AssertionError("nothing can be claimed without a database")


def test_beat_s_messages_do_not_pile_up_while_nobody_takes_them(settings: Settings) -> None:
    app = create_app(settings)
    beat = Scheduler(app)
    entry = beat.Entry("purge", "tasks.maintenance.purge", schedule=schedule(60), app=app)
    queue = app.runtime.connections.queue()
    name = f"{settings.avnu_namespace}:maintenance"
    most = 100 + settings.reconcile_at_once
    for _ in range(2):
        queue.rpush(name, *["{}"] * (most - 1 - queue.llen(name)))
        for _ in range(3):
            beat.apply_async(entry)
        assert queue.llen(name) == most
        queue.ltrim(name, 0, 9)
    beat.close()
    app.runtime.connections.close()


def test_beat_sends_every_job_of_the_table_and_its_messages_expire(settings: Settings) -> None:
    app = create_app(dataclasses.replace(settings, purge_every_seconds=120))
    schedule = app.conf.beat_schedule
    assert set(schedule) == {*JOBS, "canary", "watch"}
    assert schedule["purge"] == {
        "task": "tasks.maintenance.purge", "schedule": 120.0, "options": {"expires": 300},
    }  # fmt: skip
    app.loader.import_default_modules()
    assert {entry["task"] for entry in schedule.values()} <= set(app.tasks)
