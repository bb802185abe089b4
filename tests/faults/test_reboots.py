"""Three reboots within a minute, each amid the same runs: nothing dies of it."""

from tests.support.stack import Stack, now_s
from tests.support.waiting import wait_until

REBOOTS = 3


def test_three_reboots_within_a_minute_kill_nothing(stack: Stack) -> None:
    """The worst case: a crash in the batch, a crash alone, then crashes as a suspect."""
    began_s = now_s()
    victims = [stack.make_waiting(REBOOTS, f"shop-{n}") for n in range(2)]
    refs = {stack.ref(victim) for victim in victims}
    stack.accept(*victims, *stack.maker.some(50))
    for n in range(REBOOTS):
        booted_s = now_s()
        worker = stack.worker(f"w{n}").start()
        # Suspects run one at a time, so after the second crash only one of them is caught.
        wait_until(lambda: stack.runs.begun_since(booted_s) & refs, 20, "a victim runs")  # noqa: B023
        worker.kill_all()
    assert now_s() - began_s < 60
    stack.worker("last").start()
    stack.assert_whole()
    print({ref: len(stack.runs.begun(ref)) for ref in refs})
    assert max(len(stack.runs.begun(ref)) for ref in refs) == REBOOTS + 1
