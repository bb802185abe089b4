"""A child of the worker's pool is killed: at random instants under load, and amid a run."""

import os
import signal

import pytest

from tests.support.programs import until
from tests.support.runs import Moment
from tests.support.stack import Stack, now_s
from tests.support.waiting import wait_until


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.soak)])
def test_children_killed_at_random_instants_and_amid_a_run(stack: Stack, kills: int) -> None:
    worker = stack.worker().start()
    with stack.load(acts={"done": 87, "sleep": 10, "raise": 3}):
        for _ in range(kills):
            until(now_s() + stack.chance.uniform(0.2, 0.8))
            os.kill(stack.chance.choice(worker.children()), signal.SIGKILL)
        held, ref = _kill_amid_a_run(stack)
    stack.assert_again(held, now_s())
    stack.assert_whole()
    assert len([run for run in stack.runs if run.ref == ref and run.moment is Moment.ENDED]) == 1
    assert worker.running


def _kill_amid_a_run(stack: Stack) -> tuple[set[str], str]:
    """The certain case beside the random ones: the victim holds this webhook when it dies."""
    webhook = stack.make_waiting(runs=1)
    ref = stack.ref(webhook)
    stack.accept(webhook)
    begun = wait_until(lambda: stack.runs.begun(ref), 10, "its run has begun")
    os.kill(begun[0].pid, signal.SIGKILL)
    held = stack.held()
    assert ref in held, stack.story()
    return held, ref
