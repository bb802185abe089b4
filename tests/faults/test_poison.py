"""A webhook that kills its worker each time dies; innocents beside it never do."""

import pytest

from tests.faults.conftest import MakeStack


@pytest.mark.parametrize("attempts", [1, pytest.param(3, marks=pytest.mark.soak)])
def test_only_the_webhook_that_kills_becomes_poison(make_stack: MakeStack, attempts: int) -> None:
    stack = make_stack(settings={"QUEUE_ATTEMPTS": str(attempts)})
    poison = stack.maker.make("shop-0", do="kill")
    beside = [stack.maker.make("shop-0") for _ in range(20)]
    stack.accept(*beside[:10], poison, *beside[10:])
    worker = stack.worker().start()
    ref = stack.ref(poison)
    with stack.load(per_s=50, shops=3, acts={"done": 1}):
        stack.assert_dies(ref, within_s=60)
    stack.assert_whole(dead={ref: "poison"})
    # In its batch, alone, and then as a suspect: only the last kind counts.
    assert len(stack.runs.begun(ref)) == 2 + attempts
    assert worker.running
