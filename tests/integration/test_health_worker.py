"""Beat, its canary and the monitor as real processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from avnu.health.check import State
from avnu.health.hearing import heard
from avnu.health.keeping import read_kept
from tests.conftest import PATIENT
from tests.support.programs import Beat, Worker
from tests.support.stack import Stack
from tests.support.waiting import wait_until

OFTEN = {"MONITOR_CANARY_SECONDS": "5", "MONITOR_EVERY_SECONDS": "5"}


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    made = Stack(tmp_path, seed=1, settings={**PATIENT, **OFTEN})
    yield made
    made.close()


def state_of(stack: Stack, name: str) -> State | None:
    """What the monitor found last; None before it has looked."""
    kept = read_kept(stack.inbox)
    return {check.name: check.state for check in kept.checks}[name] if kept else None


def test_beat_s_canary_comes_back_and_the_monitor_looks(stack: Stack) -> None:
    worker = Worker("one", stack.folder, stack.environ(), app="avnu")
    beat = Beat("beat", stack.folder, stack.environ())
    with worker, beat:
        for program in (worker, beat):
            program.launch()
        for program in (worker, beat):
            program.wait_ready()
        wait_until(lambda: heard(stack.inbox).canary_s < 60, 30, "the canary came back")
        # Its first look may come before the canary has.
        wait_until(lambda: state_of(stack, "canary") is State.OK, 30, "the monitor saw it")
        kept = read_kept(stack.inbox)
        worker.stop()
        beat.stop()
    assert heard(stack.inbox).beat_s < 60
    assert kept is not None
    states = {check.name: check.state for check in kept.checks}
    assert states["workers"] is states["database"] is states["server"] is State.OK
    assert State.FAILED not in states.values(), kept.checks
    assert worker.log.count('event="health changed"') >= 1, worker.log
    assert kept.subscriptions_missing == 0
