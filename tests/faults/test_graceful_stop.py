"""SIGTERM under load leaves nothing leased, and nothing is run twice for it."""

import pytest

from tests.support.programs import until
from tests.support.runs import Moment
from tests.support.stack import Stack, now_s

# Less than any supervisor waits before it kills.
STOPPED_WITHIN_S = 10.0


@pytest.mark.parametrize("stops", [2, pytest.param(10, marks=pytest.mark.soak)])
def test_graceful_stop_leaves_nothing_leased(stack: Stack, stops: int) -> None:
    with stack.load(per_s=60, acts={"done": 90, "sleep": 10}):
        for n in range(stops):
            worker = stack.worker(f"w{n}").start()
            until(now_s() + stack.chance.uniform(0.5, 1.5))
            assert worker.stop(within_s=STOPPED_WITHIN_S) == 0
            assert stack.held() == set()
    stack.worker("last").start()
    stack.assert_whole()
    begun = [run.ref for run in stack.runs if run.moment is Moment.BEGUN]
    assert sorted(begun) == sorted(stack.acknowledged), "each ran once, none was cut short"
