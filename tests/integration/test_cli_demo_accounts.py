"""The demo's accounts: silent when both sides agree, and every kind of disagreement is found."""

import random
from collections.abc import Callable, Iterator, Sequence

import msgspec
import pytest

from avnu.cli.demo_accounts import Accounts, held_by, reconcile
from avnu.cli.demo_calls import ApiCalls
from avnu.inbox import Inbox
from avnu.sandbox import Delivery, DeliveryKind, Ledger, trigger
from avnu.sandbox.connection import Answer
from avnu.sandbox.differences import Difference
from avnu.sandbox.ledger import Attempt
from avnu.settings import Settings
from avnu.store.market.changes import ResourceKind
from tests.support.inbox import DONE, REJECTED, arrival, begin, open_inbox, settle

SHOP = "one.myshopify.com"
TOPIC = "orders/create"
CALLS = ApiCalls(calls=2, throttled=0, points=11, cached=4, loaded=5, told=2)


@pytest.fixture
def inbox(settings: Settings) -> Iterator[Inbox]:
    opened = open_inbox(settings)
    yield opened
    opened.client.close()


def deliveries(number: int) -> list[Delivery]:
    rng = random.Random(1)
    made = [trigger(TOPIC, SHOP, 1_782_900_000.0, rng) for _ in range(number)]
    return [
        Delivery(i, one.shop, one.webhook_id, one.topic, one.body + b" " * i)
        for i, one in enumerate(made)
    ]


def compare(
    ledger: Ledger,
    inbox: Inbox,
    calls: ApiCalls = CALLS,
    *,
    in_hand: int = 0,
    different: Sequence[Difference] = (),
) -> Accounts:
    """As the demo does, when its programs have ended."""
    held = held_by(inbox)
    return reconcile(ledger, inbox, held, calls=calls, in_hand=in_hand, different=different)


def deliver(inbox: Inbox, ledger: Ledger) -> None:
    """What the receiver does, without the HTTP: keep, count, answer 200."""
    for entry in ledger.entries.values():
        one = entry.delivery
        inbox.accept([arrival(one.webhook_id, "one", one.topic, body=one.body)])
        entry.attempts.append(Attempt(Answer(200), 1.0))


@pytest.fixture
def ledger(inbox: Inbox) -> Ledger:
    """Four deliveries, all kept and settled; both sides agree."""
    ledger = Ledger(deliveries(4))
    deliver(inbox, ledger)
    holder, batch = begin(inbox)
    settle(holder, *[DONE] * len(batch.webhooks))
    return ledger


def test_agreement(inbox: Inbox, ledger: Ledger) -> None:
    inbox.flush_counters({"asked:orders": 1, "missed:orders": 1})
    accounts = compare(ledger, inbox, in_hand=2)
    assert accounts.faults == []
    assert accounts.line() == (
        "sent=4 accepted=4 duplicates=0 replayed=0 rejected=0 ignored=0 unavailable=0 "
        "settled=4 retried=0 dead=0 lost=0 api_calls=2 api_saved=11 throttled=0 differences=0"
    )
    asides = {name.strip(): number for name, number, _ in accounts.asides}
    # Four webhooks, one of which had its order asked for; six things asked for by two calls.
    assert asides == {
        "told": 3, "coalesced": 0, "batched": 4, "cached": 4, "points": 11,
        "never came": 1, "in hand": 2,
    }  # fmt: skip


def record(inbox: Inbox, ledger: Ledger, number: int = 0) -> str:
    return inbox.keys.of("record", f"one/{ledger.entries[number].delivery.webhook_id}")


def lose_a_record(inbox: Inbox, ledger: Ledger) -> None:
    inbox.client.delete(record(inbox, ledger))


def miscount(inbox: Inbox, ledger: Ledger) -> None:
    inbox.client.hincrby(inbox.keys.of("counts"), "rejected", 1)


def keep_a_stranger(inbox: Inbox, ledger: Ledger) -> None:
    inbox.accept([arrival("stranger")])


def settle_twice(inbox: Inbox, ledger: Ledger) -> None:
    inbox.client.hincrby(inbox.keys.of("counts"), "done:orders", 1)


def refuse_a_genuine_one(inbox: Inbox, ledger: Ledger) -> None:
    ledger.entries[0].attempts[0] = Attempt(Answer(401), 1.0)


def acknowledge_one_that_never_came(inbox: Inbox, ledger: Ledger) -> None:
    late = deliveries(5)[4]
    ledger.entries[4] = Ledger([late]).entries[4]
    ledger.entries[4].attempts.append(Attempt(Answer(200), 1.0))


def give_up(inbox: Inbox, ledger: Ledger) -> None:
    late = deliveries(5)[4]
    ledger.entries[4] = Ledger([late]).entries[4]
    ledger.entries[4].attempts.append(Attempt(Answer(503), 1.0))
    inbox.flush_counters({"unavailable": 1})


def take_a_forgery(inbox: Inbox, ledger: Ledger) -> None:
    one = ledger.entries[0].delivery
    forged = Delivery(0, one.shop, one.webhook_id, one.topic, one.body, DeliveryKind.FORGED)
    entry = Ledger([forged]).entries[0]
    entry.attempts = ledger.entries[0].attempts
    ledger.entries[0] = entry


DISAGREEMENTS: dict[Callable[[Inbox, Ledger], None], tuple[str, int]] = {
    lose_a_record: ("lost: 1", 1),
    miscount: ("rejected: the receiver counted 1", 0),
    keep_a_stranger: ("in the inbox, and never sent: 1 (one.myshopify.com/stranger)", 0),
    settle_twice: ("settled by the counters: 5, by what is there: 4", 0),
    refuse_a_genuine_one: ("was answered 401", 1),
    acknowledge_one_that_never_came: ("accepted: the receiver counted 4, it must be 5", 1),
    give_up: ("lost: 1", 1),
    take_a_forgery: ("was answered 200", 0),
}


@pytest.mark.parametrize("tamper", DISAGREEMENTS, ids=lambda one: one.__name__)
def test_disagreement(
    inbox: Inbox, ledger: Ledger, tamper: Callable[[Inbox, Ledger], None]
) -> None:
    said, lost = DISAGREEMENTS[tamper]
    tamper(inbox, ledger)
    accounts = compare(ledger, inbox)
    assert any(said in fault for fault in accounts.faults), accounts.faults
    assert accounts.totals["lost"] == lost


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"throttled": 1}, "1 calls were THROTTLED"),
        ({"calls": 0, "told": 0}, "no handler has called the Admin API"),
        ({"told": 3}, "Avnu counted 3 calls, the sandbox 2"),
    ],
)
def test_a_fault_in_the_calls(
    inbox: Inbox, ledger: Ledger, changes: dict[str, int], said: str
) -> None:
    accounts = compare(ledger, inbox, msgspec.structs.replace(CALLS, **changes))
    assert len(accounts.faults) == 1
    assert said in accounts.faults[0]


def test_a_difference_of_the_copy_is_a_fault(inbox: Inbox, ledger: Ledger) -> None:
    different = [Difference(SHOP, ResourceKind.ORDER, n, "differs", ("total",)) for n in range(7)]
    accounts = compare(ledger, inbox, different=different)
    assert accounts.totals["differences"] == 7
    assert accounts.faults[0] == f"the copy: order 0 of {SHOP}: differs in total"
    assert len(accounts.faults) == 5, "the first few, by name"


def test_an_open_one_and_a_dead_one_are_told(inbox: Inbox) -> None:
    ledger = Ledger(deliveries(2))
    deliver(inbox, ledger)
    holder, _ = begin(inbox)

    def faults() -> str:
        told: Accounts = compare(ledger, inbox)
        assert told.totals["lost"] == 0
        return "\n".join(told.faults)

    assert "not settled: 2" in faults()
    settle(holder, DONE, REJECTED)
    assert "dead, and nothing was wrong with it: 1" in faults()
