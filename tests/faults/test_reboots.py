"""Three reboots within a minute, each amid the same runs: nothing dies of it."""

from tests.support.stack import Stack, now_s
from tests.support.waiting import wait_until

REBOOTS = 3


def test_three_reboots_within_a_minute_kill_nothing(stack: Stack) -> None:
    """The worst case: a crash in the batch, a crash alone, then crashes as a suspect."""
    began_s = now_s()
    victim = stack.make_waiting(REBOOTS)
    ref = stack.ref(victim)
    stack.accept(victim, *stack.maker.some(50))
    for n in range(REBOOTS):
        booted_s = now_s()
        worker = stack.worker(f"w{n}").start()
        wait_until(lambda: ref in stack.runs.begun_since(booted_s), 20, "the victim runs")  # noqa: B023
        worker.kill_all()
    assert now_s() - began_s < 60
    stack.worker("last").start()
    stack.assert_whole()
    assert len(stack.runs.begun(ref)) == REBOOTS + 1
