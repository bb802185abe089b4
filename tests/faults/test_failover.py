"""The primary is killed, or hangs, under load; the Sentinels promote a replica."""

import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from redis.exceptions import RedisError

from avnu.errors import InboxUnavailable
from avnu.inbox.audit import audit
from tests.faults.conftest import MakeStack
from tests.support.acl import login
from tests.support.programs import until
from tests.support.runs import Moment
from tests.support.stack import Stack, now_s
from tests.support.steady import Steady
from tests.support.trio import Trio
from tests.support.waiting import wait_until

FAILED_OVER_S = 40.0
REFUSED_WITHIN_S = 2.0 + 2.0  # the design's two seconds, and what 500/s cost this machine


def kill(trio: Trio, port: int) -> None:
    trio.node(port).kill()


def hang(trio: Trio, port: int) -> None:
    trio.node(port).signal(signal.SIGSTOP)


def bring_back(trio: Trio, port: int) -> None:
    """The old primary, with what nobody else has; it ends as a replica of the new one."""
    trio.node(port).signal(signal.SIGCONT)
    if not trio.node(port).running:
        trio.node(port).start()
    wait_until(lambda: trio.follows(port), FAILED_OVER_S, "the old primary follows the new one")


ONE = {"INBOX_DURABILITY": "replica"}
ALL = {**ONE, "INBOX_DURABILITY_REPLICAS": "2"}
MEMORY = {"INBOX_DURABILITY": "memory"}


class Case(NamedTuple):
    """What happens to the primary, and what the deployment promised."""

    fault: Callable[[Trio, int], None]
    promise: Mapping[str, str]
    per_s: int = 500
    down_after_ms: int = 1000

    def __str__(self) -> str:
        promise = ",".join(self.promise.values())
        return f"{self.fault.__name__}-{promise}-{self.per_s}-{self.down_after_ms}"


# So long, as a primary that this machine does not let run for a second is not to be replaced.
SHORT = Case(kill, ONE, per_s=150, down_after_ms=3000)
LONG = [
    Case(fault, promise, down_after_ms=ms)
    for ms in (1000, 5000)
    for promise in (ONE, ALL, MEMORY)
    for fault in (kill, hang)
]


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    "case", [SHORT, *(pytest.param(case, marks=pytest.mark.soak) for case in LONG)], ids=str
)
def test_failover_under_load(make_stack: MakeStack, tmp_path: Path, case: Case) -> None:
    trio = Trio(tmp_path / "trio", "fault", case.down_after_ms)
    stack = make_stack(server=trio, settings=case.promise)
    receiver = stack.receiver(**login("receiver")).launch()
    worker = stack.worker(**login("worker")).launch()
    receiver.wait_ready()
    worker.wait_ready()
    processes = {worker.pid, *worker.children()}
    old = trio.primary()
    with Steady(stack.maker, receiver.url, stack.acknowledge, per_s=case.per_s) as load:
        until(now_s() + 1)
        case.fault(trio, old)
        failed_s = now_s()
        wait_until(lambda: promoted(trio, old), FAILED_OVER_S, "a replica is promoted")
        promoted_s = now_s() - failed_s
        if case.promise is ALL:  # with one of them gone nothing can be promised
            bring_back(trio, old)
        wait_until(lambda: load.first_kept(failed_s), FAILED_OVER_S, "webhooks are kept again")
        kept = load.first_kept(failed_s)
        assert kept
        kept_s = kept.posted.at_s - failed_s
        first = stack.ref(kept.arrival)
        wait_until(lambda: settled(stack, first), 30, "webhooks are settled again")
        settled_s = now_s() - failed_s
        until(now_s() + 1)
    if case in LONG and case.promise is not ALL:
        bring_back(trio, old)
    lost = end(stack)
    print(
        f"{case}: {load.rate():.0f} webhooks/s, promoted after {promoted_s:.1f} s, "
        f"503 for {kept_s:.1f} s ({len(load.refused)} answers), settling after {settled_s:.1f} s, "
        f"acknowledged {len(stack.acknowledged)}, lost {len(lost)}, processes restarted "
        f"{len(processes - {worker.pid, *worker.children()})}"
    )
    if case.promise is not MEMORY:  # of replicas, Sentinel promotes the one that knows most
        assert not lost
        stack.assert_whole()
    assert {one.posted.status for one in load.refused} == {503}
    assert max(one.posted.took_s for one in load.log) < REFUSED_WITHIN_S
    assert {worker.pid, *worker.children()} == processes


@pytest.mark.soak
@pytest.mark.timeout(300)
@pytest.mark.parametrize("promise", [MEMORY, ONE], ids=["memory", "replica"])
def test_failover_to_an_older_state(
    make_stack: MakeStack, tmp_path: Path, promise: Mapping[str, str]
) -> None:
    """The replicas have stopped following: what is promoted knows nothing of the last second."""
    trio = Trio(tmp_path / "trio", "fault")
    stack = make_stack(server=trio, settings=promise)
    receiver = stack.receiver(**login("receiver")).launch()
    worker = stack.worker(**login("worker")).launch()
    receiver.wait_ready()
    worker.wait_ready()
    processes = {worker.pid, *worker.children()}
    old = trio.primary()
    replicas = [node for node in trio.servers if node.port != old]
    with Steady(stack.maker, receiver.url, stack.acknowledge, per_s=200) as load:
        until(now_s() + 1)
        with trio.client() as client:
            client.config_set("min-replicas-to-write", "0")  # else it answers 503 from here on
            for node in replicas:
                node.signal(signal.SIGSTOP)
            client.execute_command("CLIENT", "KILL", "TYPE", "replica")
        until(now_s() + 1)
        trio.node(old).kill()
        failed_s = now_s()
        for node in replicas:
            node.signal(signal.SIGCONT)
        wait_until(lambda: promoted(trio, old), FAILED_OVER_S, "a replica is promoted")
        wait_until(lambda: load.first_kept(failed_s), FAILED_OVER_S, "webhooks are kept again")
        until(now_s() + 1)
    lost = end(stack)
    ran = stack.runs.refs(Moment.ENDED)
    print(
        f"failover to an older state, {promise}: acknowledged {len(stack.acknowledged)}, "
        f"unknown afterwards {len(lost)}, of which {len(lost & ran)} had been run before"
    )
    assert {worker.pid, *worker.children()} == processes
    if promise is MEMORY:
        assert lost, "the state was not older"
    else:
        assert not lost
        stack.assert_whole()


def promoted(trio: Trio, old: int) -> bool:
    try:
        return trio.primary() != old
    except RedisError:
        return False


def settled(stack: Stack, ref: str) -> bool:
    try:
        return bool(stack.settled([ref]))
    except RedisError:
        return False


def end(stack: Stack) -> set[str]:
    """Drain; the acknowledged webhooks of which the inbox knows nothing. Its accounts are right."""

    def calm() -> bool:
        try:
            return stack.open() == 0 and not stack.held()
        except (RedisError, InboxUnavailable):
            return False

    try:
        wait_until(calm, 150, "everything that is there is settled")
    except AssertionError as late:
        late.add_note(stack.story())
        raise
    found = audit(stack.inbox)
    assert found.ok, found.faults
    return stack.acknowledged - stack.settled(stack.acknowledged)
