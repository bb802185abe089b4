"""SIGTERM under load leaves nothing leased, and nothing is run twice for it."""

from tests.support.programs import until
from tests.support.runs import Moment
from tests.support.stack import Stack, now_s


def test_graceful_stop_leaves_nothing_leased(stack: Stack) -> None:
    with stack.load(acts={"done": 85, "sleep": 10, "raise": 5}):
        for n in range(2):
            worker = stack.worker(f"w{n}").start()
            until(now_s() + stack.chance.uniform(0.5, 1.5))
            assert worker.stop() == 0
            assert stack.held() == set()
    stack.worker("last").start()
    stack.assert_whole()
    begun = [run.ref for run in stack.runs if run.moment is Moment.BEGUN]
    ended = [run.ref for run in stack.runs if run.moment is Moment.ENDED]
    # A run that does not end is one that its body told to raise.
    assert len(ended) == len(set(ended)) == len(stack.acknowledged)
    assert len(begun) >= len(ended)
