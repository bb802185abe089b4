"""A worker is frozen (SIGSTOP) past its lease and resumed: what it then settles is refused."""

import signal

from tests.support.stack import Stack
from tests.support.waiting import wait_until

# What the logs say of the run in a batch, and of the one alone.
REFUSED = ("'ended': 'LOST'", "'outcome': 'lost'")


def test_settles_of_a_frozen_worker_are_refused(stack: Stack) -> None:
    """Of a run in a batch and of one alone, in two processes of the same worker."""
    frozen = stack.worker("frozen", QUEUE_CONCURRENCY="2").start()
    in_a_batch = stack.maker.make("one", "orders", do=["wait", "done"], **stack.gate())
    alone = stack.maker.make("two", "products", do=["raise", "wait", "done"], **stack.gate())
    runs = {stack.ref(in_a_batch): 1, stack.ref(alone): 2}
    stack.accept(in_a_batch, alone)

    def begun() -> dict[str, int]:
        return {ref: len(stack.runs.begun(ref)) for ref in runs}

    wait_until(lambda: begun() == runs, 20, "the runs that wait have begun")
    stack.worker("other").start()
    frozen.signal_all(signal.SIGSTOP)

    wait_until(lambda: stack.settled(runs) == set(runs), 40, "the other worker has settled them")
    assert begun() == {ref: n + 1 for ref, n in runs.items()}
    stack.open_gate()
    frozen.signal_all(signal.SIGCONT)
    wait_until(
        lambda: all(one in frozen.log for one in REFUSED), 10, "it was told that it is too late"
    )
    stack.assert_whole()

    stack.worker("other")  # only its name is needed no more
    stack.accept(*stack.maker.some(40))
    stack.assert_whole()
    assert frozen.running
