"""The auditor sees each kind of damage, and says which; undamaged, the same inbox has no fault."""

from collections.abc import Callable

import pytest

from avnu.inbox import Inbox
from avnu.inbox.audit import TOGETHER, audit
from avnu.settings import Settings
from tests.support.inbox import (
    BACK,
    DONE,
    REJECTED,
    accept,
    begin,
    claim,
    drain,
    parkings,
    send_alone,
    settle,
    still_inbox,
)

UPDATED = "orders/updated"
Step = Callable[[Inbox], object]


def waiting(inbox: Inbox) -> None:
    accept(inbox, 1, 2)


def leased(inbox: Inbox) -> None:
    accept(inbox, 1)
    begin(inbox)


def alone(inbox: Inbox) -> None:
    send_alone(inbox, 1)


def running(inbox: Inbox) -> None:
    send_alone(inbox, 1)
    claim(inbox, 1)


def dead(inbox: Inbox) -> None:
    running(inbox)
    send_alone(inbox, 2)
    inbox.settle(claim(inbox, 2), REJECTED, None, 0.0)


def settled(inbox: Inbox) -> None:
    accept(inbox, 1)
    settle(begin(inbox)[0], DONE)


def parked(inbox: Inbox) -> None:
    accept(inbox, 1)
    settle(begin(inbox)[0], BACK, park=parkings("one", wait_ms=60_000))


def stopped(inbox: Inbox) -> None:
    inbox.pause("shop", "one")
    accept(inbox, 1)
    drain(inbox).begin()


def held(inbox: Inbox) -> None:
    inbox.pause("topic", UPDATED)
    accept(inbox, 1, topic=UPDATED)
    settle(begin(inbox)[0], last=False)


def key(name: str, suffix: str = "") -> Callable[[Inbox], str]:
    return lambda inbox: inbox.keys.of(name, suffix)


def part(name: str) -> Callable[[Inbox], str]:
    return key(name, "orders/0")


def does(command: str, where: Callable[[Inbox], str], *arguments: object) -> Step:
    return lambda inbox: inbox.client.execute_command(command, where(inbox), *arguments)


LINE, PLACE, TROUBLE = key("line", "orders/one"), key("place", "orders"), key("trouble", "one/1")

DAMAGE: dict[str, tuple[Step, Step, str]] = {
    "a record is gone": (
        waiting, does("DEL", key("record", "one/1")), "one/1 stands in waiting in"
    ),
    "twice in a line": (
        waiting, does("RPUSH", LINE, "1"), "one/1 stands in 2 places: waiting"
    ),
    "in a line and leased": (
        leased, does("RPUSH", LINE, "1"), "places: waiting in orders/one, leased by"
    ),
    "in a line and alone": (
        alone, does("RPUSH", LINE, "1"), "places: waiting in orders/one, solo in"
    ),
    "a line is gone": (waiting, does("DEL", LINE), "one/1 stands nowhere"),
    "a lease is gone": (leased, does("DEL", part("part")), "one/1 stands nowhere"),
    "a settled one waits": (settled, does("RPUSH", LINE, "1"), "one/1 stands in waiting"),
    "no mark beside a ready shop": (
        waiting, does("DEL", key("work")), "has work and no wake-up mark"
    ),
    "no mark beside a lease": (leased, does("DEL", key("work")), "has work and no wake-up mark"),
    "alone in another state": (
        alone, does("HSET", TROUBLE, "state", "dead"), "in solo but its state is b'dead'"
    ),
    "running in another state": (
        running, does("HDEL", TROUBLE, "state"), "one/1 stands in running but its state is None"
    ),
    "dead in another state": (
        dead, does("HSET", key("trouble", "one/2"), "state", "solo"), "one/2 stands in dead but its"
    ),
    "not ready where it is ready": (
        waiting, does("DEL", part("ready")), "is ready in 0 but does not stand there once"
    ),
    "ready twice": (waiting, does("RPUSH", part("ready"), "one"), "is ready in 0 but does not"),
    "ready without an entry": (
        waiting, does("DEL", PLACE), "shop one of orders is ready in 0 where its entry is not"
    ),
    "leased without an entry": (
        leased, does("DEL", PLACE), "shop one of orders is leased in 0 where its entry is not"
    ),
    "idle with a line": (waiting, does("DEL", PLACE), "shop one of orders is idle with a line"),
    "nothing unparks": (parked, does("DEL", key("parked")), "parked but nothing will unpark it"),
    "stopped but not paused": (stopped, does("DEL", key("paused")), "stopped but not paused"),
    "nothing releases": (held, does("DEL", key("holders")), "that nothing will release"),
    "held twice": (
        held, does("RPUSH", key("held", "orders/one"), "1"), "one/1 stands in 2 places: held by"
    ),
    "one more is counted": (
        settled, does("HINCRBY", key("counts"), "accepted:orders", 1), "accepted 2 != settled 1"
    ),
    "a dead one is counted twice": (
        dead, does("HINCRBY", key("counts"), "dead:orders:rejected", 1), "dead counted 2 != dead"
    ),
    "one has vanished": (
        settled, does("HINCRBY", key("counts"), "vanished:orders", 1), "1 webhooks stood in a line"
    ),
}  # fmt: skip


@pytest.fixture
def inbox(settings: Settings) -> Inbox:
    return still_inbox(settings, inbox_partitions=1)


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_told(inbox: Inbox, name: str) -> None:
    make, harm, told = DAMAGE[name]
    make(inbox)
    assert audit(inbox).faults == []
    harm(inbox)
    faults = audit(inbox).faults
    assert any(told in fault for fault in faults), faults


def test_more_than_travel_together_are_all_read(inbox: Inbox) -> None:
    accept(inbox, *range(TOGETHER + 1))
    found = audit(inbox)
    assert (found.faults, found.places) == ([], {"waiting": TOGETHER + 1, "settled": 0})
