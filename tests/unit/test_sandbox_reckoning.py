"""The reckoning: from answers alone to what the receiver must have counted and must hold."""

import pytest

from avnu.sandbox import ALL_MISCHIEF, Delivery, DeliveryKind, Ledger, Reckoning, plan
from avnu.sandbox.connection import Answer
from avnu.sandbox.ledger import Attempt, Entry
from avnu.sandbox.request import SIGNERS
from tests.support.receiver_rules import ReceiverRules

OK, BUSY, LOST, REFUSED = Answer(200), Answer(503), Answer(0, "reset"), Answer(0, "refused")
SHOP = "a.myshopify.com"


def delivery(number: int, webhook_id: str = "", **fields: object) -> Delivery:
    told = {"topic": "orders/create", "body": b"x" * 100, **fields}
    return Delivery(number=number, shop=SHOP, webhook_id=webhook_id or f"id-{number}", **told)  # type: ignore[arg-type]


def ledger_of(*lines: tuple[Delivery, list[Answer]]) -> Ledger:
    ledger = Ledger([given for given, _ in lines])
    for given, answers in lines:
        ledger.entries[given.number].attempts = [Attempt(answer, 1.0) for answer in answers]
    return ledger


def counted(reckoning: Reckoning) -> dict[str, int]:
    """The counters that are not 0."""
    expected = reckoning.expected()
    names = expected.__struct_fields__
    return {name: getattr(expected, name) for name in names if getattr(expected, name)}


def test_one_accepted() -> None:
    found = Reckoning(ledger_of((delivery(1), [OK])))
    assert counted(found) == {"sent": 1, "accepted": 1}
    assert found.kept() == {(SHOP, "id-1")}
    assert not found.not_kept()
    assert not found.faults


def test_an_answer_beyond_the_first_is_a_duplicate() -> None:
    found = Reckoning(
        ledger_of(
            (delivery(1, "same", kind=DeliveryKind.AT_ONCE), [OK, OK]),
            (delivery(2, "same", kind=DeliveryKind.DUPLICATE), [OK]),
        )
    )
    assert counted(found) == {"sent": 3, "accepted": 1, "duplicate": 2}


def test_a_retry_that_came_through() -> None:
    found = Reckoning(ledger_of((delivery(1), [BUSY, BUSY, OK])))
    assert counted(found) == {"sent": 3, "accepted": 1, "unavailable": 2}
    assert not found.faults


def test_ignored_topics_are_not_kept_however_often() -> None:
    found = Reckoning(
        ledger_of((delivery(1, topic="themes/publish", kind=DeliveryKind.AT_ONCE), [OK, OK]))
    )
    assert counted(found) == {"sent": 2, "ignored": 2}
    assert found.not_kept() == {(SHOP, "id-1")}


@pytest.mark.parametrize("kind", [DeliveryKind.FORGED, DeliveryKind.WRONG_SECRET])
def test_a_forgery_must_be_refused(kind: DeliveryKind) -> None:
    refused = Reckoning(ledger_of((delivery(1, kind=kind), [Answer(401)])))
    assert counted(refused) == {"sent": 1, "rejected": 1}
    assert refused.not_kept() == {(SHOP, "id-1")}
    assert not refused.faults
    taken = Reckoning(ledger_of((delivery(1, kind=kind), [OK])))
    assert counted(taken) == {"sent": 1, "unexpected": 1}
    assert taken.faults == [f"{kind} orders/create id-1 of {SHOP} was answered 200"]


def test_a_forgery_under_a_genuine_id_leaves_the_id_to_its_owner() -> None:
    found = Reckoning(
        ledger_of(
            (delivery(1, "same", kind=DeliveryKind.FORGED), [Answer(401)]),
            (delivery(2, "same"), [OK]),
        )
    )
    assert found.kept() == {(SHOP, "same")}
    assert not found.not_kept()


@pytest.mark.parametrize("status", [400, 401, 404, 413, 500, 302])
def test_a_genuine_webhook_refused_is_a_fault(status: int) -> None:
    assert Reckoning(ledger_of((delivery(1), [Answer(status)]))).faults


def test_of_a_replay_ten_are_kept_with_the_original() -> None:
    copies = [(delivery(n, kind=DeliveryKind.REPLAYED_ID, after=n - 1), [OK]) for n in range(2, 14)]
    found = Reckoning(ledger_of((delivery(1), [OK]), *copies))
    assert counted(found) == {"sent": 13, "accepted": 10, "replayed": 3}
    assert found.kept() == {(SHOP, f"id-{n}") for n in range(1, 11)}
    assert found.not_kept() == {(SHOP, f"id-{n}") for n in range(11, 14)}


def test_suspects_are_accepted_and_dead() -> None:
    found = Reckoning(
        ledger_of(
            (delivery(1), [OK]), (delivery(2, kind=DeliveryKind.REPLAYED_TOPIC, after=1), [OK])
        )
    )
    assert counted(found) == {"sent": 2, "accepted": 2, "suspected": 1}
    assert found.kept() == {(SHOP, "id-1")}
    assert found.suspected() == {(SHOP, "id-2")}


def test_what_was_never_sent_is_not_kept() -> None:
    found = Reckoning(ledger_of((delivery(1, kind=DeliveryKind.DROPPED), [])))
    assert counted(found) == {}
    assert found.not_kept() == {(SHOP, "id-1")}


def test_a_lost_answer_leaves_doubt() -> None:
    found = Reckoning(ledger_of((delivery(1), [LOST, OK]), (delivery(2), [LOST])))
    assert counted(found) == {"sent": 3, "accepted": 1, "unanswered": 2}
    assert found.undecided() == {(SHOP, "id-2")}
    assert not found.not_kept()
    assert not found.disagreements({"accepted": 1})
    assert not found.disagreements({"accepted": 2, "duplicate": 1})
    assert found.disagreements({"accepted": 4})


def test_without_a_connection_there_is_no_doubt() -> None:
    found = Reckoning(ledger_of((delivery(1), [REFUSED, OK])))
    assert counted(found) == {"sent": 2, "accepted": 1, "unreached": 1}
    assert found.disagreements({"accepted": 1, "duplicate": 1})


@pytest.mark.parametrize("name", ["accepted", "duplicate", "replayed", "rejected", "ignored"])
def test_both_sides_must_agree_to_the_last_one(name: str) -> None:
    found = Reckoning(ledger_of((delivery(1), [OK])))
    agreed = {"accepted": 1}
    assert not found.disagreements(agreed)
    for off in (1, -1):
        wrong = {**agreed, name: agreed.get(name, 0) + off}
        assert [line.split(":")[0] for line in found.disagreements(wrong)] == [name]


def test_given_up_is_what_shopify_repeats_in_vain() -> None:
    ledger = ledger_of(
        (delivery(1), [BUSY] * 9),
        (delivery(2, kind=DeliveryKind.FORGED), [Answer(401)]),
        (delivery(3, kind=DeliveryKind.DROPPED), []),
        (delivery(4), [OK]),
    )
    assert [entry.delivery.number for entry in ledger.given_up()] == [1]


def test_counts_add_up_for_a_whole_plan() -> None:
    """Every attempt is counted under one outcome, whatever is answered."""
    ledger = Ledger(plan(5, 10, 500, ALL_MISCHIEF))
    answers = [OK, BUSY, Answer(401), LOST, OK, REFUSED, Answer(500)]
    for turn, entry in enumerate(ledger.entries.values()):
        entry.attempts = [
            Attempt(answers[(turn + n) % 7], 1.0) for n in range(entry.delivery.copies)
        ]
    e = Reckoning(ledger).expected()
    assert e.sent == len(ledger.attempts()) == sum(ledger.by_status().values())
    assert e.sent == (
        e.accepted + e.duplicate + e.replayed + e.rejected + e.ignored + e.unavailable
        + e.unanswered + e.unreached + e.unexpected
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(12))
def test_any_day_agrees_with_the_rules(seed: int) -> None:
    """The whole contract, delivery by delivery, without a network: the books agree exactly."""
    rules = ReceiverRules("hush")
    ledger = Ledger(plan(seed, 2 + seed, 250, ALL_MISCHIEF))
    for entry in sorted(ledger.entries.values(), key=follows):
        for _ in range(entry.delivery.copies):
            entry.attempts.append(Attempt(Answer(answered_by(rules, entry.delivery)), 1.0))
    found = Reckoning(ledger)
    assert not found.faults
    assert not found.disagreements(rules.counted)
    assert found.expected().sent == sum(rules.counted.values())
    assert found.kept() | found.suspected() == set(rules.kept)
    assert found.suspected() == rules.dead
    assert not found.not_kept() & set(rules.kept)


def follows(entry: Entry) -> bool:
    """Replays last; a sort keeps the order of the rest, and of a chain of replays."""
    return entry.delivery.after is not None


def answered_by(rules: ReceiverRules, given: Delivery) -> int:
    refused = rules.refuses_length(len(given.body) + given.filler_bytes)
    headers = {
        "X-Shopify-Hmac-Sha256": SIGNERS[given.signature]("hush", given) or "",
        "X-Shopify-Topic": given.topic,
        "X-Shopify-Shop-Domain": given.shop,
        "X-Shopify-Webhook-Id": given.webhook_id,
    }
    return refused or rules.judge(headers, given.body)


def test_latency_is_of_what_was_answered() -> None:
    ledger = Ledger([delivery(n) for n in range(100)])
    assert ledger.latency_ms(0.5) == 0.0
    for number, entry in ledger.entries.items():
        entry.attempts = [Attempt(OK, float(number))]
    ledger.entries[99].attempts = [Attempt(LOST, 5000.0)]
    assert ledger.latency_ms(0.5) == 49.0
    assert ledger.latency_ms(1.0) == 98.0
    assert isinstance(ledger.entries[0], Entry)
