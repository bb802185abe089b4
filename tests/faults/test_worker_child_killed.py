"""A child of the worker's pool is killed, again and again, at random instants under load."""

import os
import signal

from tests.support.programs import until
from tests.support.runs import Moment
from tests.support.stack import Stack, now_s

KILLS = 6


def test_children_killed_at_random_instants(stack: Stack) -> None:
    worker = stack.worker().start()
    with stack.load(acts={"done": 70, "sleep": 30}):
        for _ in range(KILLS):
            until(now_s() + stack.chance.uniform(0.2, 1.0))
            victim = stack.chance.choice(worker.children())
            os.kill(victim, signal.SIGKILL)
    stack.assert_again(stack.held(), now_s())
    stack.assert_whole()
    assert worker.running


def test_a_child_killed_in_the_middle_of_a_run(stack: Stack) -> None:
    """The certain case beside the random ones: the victim holds a lease when it dies."""
    gate = stack.folder / "gate"
    webhook = stack.maker.make(do="wait", **{"for": str(gate)}, first=1)
    stack.worker().start()
    stack.accept(webhook)
    ref = f"shop-1/{webhook.webhook_id}"
    from tests.support.waiting import wait_until

    wait_until(lambda: stack.runs.begun(ref), 10, "its run has begun")
    killed_s = now_s()
    os.kill(stack.runs.begun(ref)[0].pid, signal.SIGKILL)
    assert stack.held() == {ref}
    stack.assert_again({ref}, killed_s)
    stack.assert_whole()
    assert len(stack.runs.refs(Moment.ENDED)) == 1
