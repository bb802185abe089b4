"""A worker is frozen (SIGSTOP) past its lease and resumed: what it then settles is refused."""

import signal
from typing import Any

import pytest

from tests.support.stack import Stack
from tests.support.waiting import wait_until


@pytest.mark.parametrize(
    ("before", "refused"),
    [([], "'ended': 'LOST'"), (["raise"], "'outcome': 'lost'")],
    ids=["in a batch", "alone"],
)
def test_settle_of_a_frozen_worker_is_refused(
    stack: Stack, before: list[Any], refused: str
) -> None:
    frozen = stack.worker("frozen", QUEUE_CONCURRENCY="1").start()
    webhook = stack.maker.make(do=[*before, "wait", "done"], **stack.gate())
    ref = stack.ref(webhook)
    stack.accept(webhook)
    runs = len(before) + 1
    wait_until(lambda: len(stack.runs.begun(ref)) == runs, 20, "the run that waits has begun")
    stack.worker("other").start()
    frozen.signal_all(signal.SIGSTOP)

    wait_until(lambda: stack.settled({ref}), 20, "the other worker has settled it")
    assert len(stack.runs.begun(ref)) == runs + 1
    stack.open_gate()
    frozen.signal_all(signal.SIGCONT)
    wait_until(lambda: refused in frozen.log, 10, "the resumed run was told that it is too late")
    stack.assert_whole()

    stack.worker("other")  # only its name is needed no more
    stack.accept(*stack.maker.some(40))
    stack.assert_whole()
    assert frozen.running
