"""Redis restarts, or cannot be reached by the receiver, under load: what it costs, in figures."""

import pytest

from tests.faults.conftest import MakeStack
from tests.support.cutter import Cutter
from tests.support.programs import Receiver, until
from tests.support.stack import Stack, now_s
from tests.support.steady import Steady
from tests.support.waiting import wait_until

BACK_WITHIN_S = 5.0
REFUSED_WITHIN_S = 2.0 + 1.0  # the rest is for this machine's other work

PER_S = 500

# The quick ones are in test_redis_killed.py and test_door_inbox_out_of_reach.py.
pytestmark = pytest.mark.soak


@pytest.mark.timeout(240)
def test_a_restart_of_redis_loses_nothing_that_was_on_disk(make_stack: MakeStack) -> None:
    stack = make_stack(settings={"INBOX_DURABILITY": "fsync"}, extra=("--appendfsync", "always"))
    receiver, worker = stack.receiver().launch(), stack.worker().launch()
    receiver.wait_ready()
    worker.wait_ready()
    processes = {worker.pid, *worker.children()}
    with Steady(stack.maker, receiver.url, stack.acknowledge, per_s=PER_S) as load:
        until(now_s() + 1)
        stack.server.kill()
        failed_s = now_s()
        until(failed_s + 1)
        stack.server.start()
        back(load, now_s())
        until(now_s() + 0.5)
    tell("Redis killed and restarted, fsync", stack, load, failed_s)
    assert {worker.pid, *worker.children()} == processes


@pytest.mark.timeout(240)
def test_a_cut_between_receiver_and_redis_loses_nothing(stack: Stack) -> None:
    with Cutter(stack.server.port, stack.inbox.scripts, {}) as cable:
        receiver: Receiver = stack.receiver(REDIS_PORT=str(cable.port)).launch()
        worker = stack.worker().launch()
        receiver.wait_ready()
        worker.wait_ready()
        with Steady(stack.maker, receiver.url, stack.acknowledge, per_s=PER_S) as load:
            until(now_s() + 1)
            cable.cut_off()
            failed_s = now_s()
            wait_until(lambda: load.refused, 5, "webhooks are refused")
            until(failed_s + 3)
            cable.mend()
            back(load, now_s())
            until(now_s() + 0.5)
        tell("network between receiver and Redis cut", stack, load, failed_s)
        receiver.close()


def back(load: Steady, since_s: float) -> None:
    wait_until(lambda: load.first_kept(since_s), BACK_WITHIN_S, "webhooks are kept again")


def tell(what: str, stack: Stack, load: Steady, failed_s: float) -> None:
    """Everything acknowledged is settled once; the figures, printed."""
    stack.assert_whole(within_s=120)
    outage = [one.posted for one in load.refused]
    first = load.first_kept(failed_s)
    assert first
    print(
        f"{what}: {load.rate():.0f} webhooks/s, 503 for {first.posted.at_s - failed_s:.1f} s "
        f"({len(outage)} answers), acknowledged {len(stack.acknowledged)}, lost 0"
    )
    assert {posted.status for posted in outage} == {503}
    assert max(one.posted.took_s for one in load.log) < REFUSED_WITHIN_S
