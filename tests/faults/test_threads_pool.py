"""`-P threads`: runs, loses nothing when killed, stops in order; pools that cannot work refuse."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from avnu.worker import refuse_unfit_pool
from tests.support.programs import until
from tests.support.stack import Stack, now_s
from tests.support.waiting import wait_until

THREADS = ("-P", "threads", "-c", "4")


def test_threads_killed_and_stopped_under_load(stack: Stack) -> None:
    with stack.load():
        worker = stack.worker("w0", THREADS).start()
        until(now_s() + stack.chance.uniform(0.5, 1.5))
        worker.kill_all()
        killed_s, held = now_s(), stack.held()
        worker = stack.worker("w1", THREADS).start()
        stack.assert_again(held, killed_s)
    stack.assert_whole()
    assert worker.stop() == 0
    assert stack.held() == set()


def test_a_run_longer_than_a_lease_keeps_it_under_threads(stack: Stack) -> None:
    worker = stack.worker("w0", THREADS).start()
    long = [stack.make_waiting(1, f"shop-{n}") for n in range(3)]
    refs = {stack.ref(webhook) for webhook in long}
    stack.accept(*long)
    wait_until(lambda: refs <= stack.runs.begun_since(0), 10, "all have begun")
    until(now_s() + stack.settings.inbox_lease_seconds + 1.5)
    assert not stack.crashed()
    stack.open_gate()
    stack.assert_whole()
    assert [len(stack.runs.begun(ref)) for ref in refs] == [1, 1, 1]
    assert worker.running


@pytest.mark.parametrize("pool", ["gevent", "eventlet"])
def test_unfit_pools_are_refused_with_the_reason(pool: str) -> None:
    kind = type("TaskPool", (), {"__module__": f"celery.concurrency.{pool}"})
    with pytest.raises(SystemExit, match=f"{pool} pool is not supported.*prefork"):
        refuse_unfit_pool(SimpleNamespace(pool_cls=kind))


def test_a_gevent_worker_ends_at_its_start(stack: Stack) -> None:
    worker = stack.worker("w0", ("-P", "gevent"))
    ended = subprocess.run(
        [sys.executable, "-m", *worker.command()],
        env=worker.environ, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert ended.returncode != 0
    assert "gevent pool is not supported" in ended.stderr
