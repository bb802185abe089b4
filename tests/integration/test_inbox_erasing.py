"""Bodies are taken out of the inbox wherever they stand, and the accounts stay right."""

import itertools
import json
from collections import Counter
from typing import Any

import pytest

from avnu import keys
from avnu.inbox import Inbox, resting
from avnu.inbox.arrival import Answer, Stored
from avnu.inbox.bodies import Bodies, Erased, Redacted
from avnu.inbox.resting import Resting
from avnu.inbox.turn import Ending
from avnu.settings import Settings
from tests.support.inbox import (
    BACK,
    DONE,
    FAILED,
    REJECTED,
    accept,
    arrival,
    begin,
    check,
    claim,
    counts,
    domain,
    ids,
    parkings,
    pass_time,
    send_alone,
    settle,
    still_inbox,
    trouble,
)

pytest_plugins = ("tests.support.inbox_fixtures",)

ANN = "ann@example.com"
SHOP, OTHER = domain("one"), domain("two")


def letter(number: int, **more: Any) -> bytes:
    return json.dumps({"id": number, "email": ANN, "pad": "x" * 64, **more}).encode()


def bare(webhook: Stored) -> bytes | None:
    if ANN.encode() not in webhook.body:
        return None
    return json.dumps({"id": json.loads(webhook.body)["id"]}).encode()


def everything(inbox: Inbox) -> bytes:
    """Every value of every key of the deployment."""
    client = inbox.client
    found = []
    for key in client.scan_iter(match=inbox.keys.prefix + "*"):
        kind = client.type(key).decode()
        read: dict[str, Any] = {
            "string": client.get,
            "hash": client.hgetall,
            "list": lambda k: client.lrange(k, 0, -1),
            "set": client.smembers,
            "zset": lambda k: client.zrange(k, 0, -1),
        }
        found.append(repr((key, read[kind](key))).encode())
    return b"\n".join(found)


def stand_everywhere(inbox: Inbox, shop: str) -> Any:
    """Webhooks 1 to 5 of a shop: alone, dead, running, leased, waiting. Answers who holds which."""
    send_alone(inbox, 1, shop=shop, body=letter(1))
    send_alone(inbox, 2, shop=shop, body=letter(2))
    dead = claim(inbox, 2, shop)
    assert inbox.settle(dead, REJECTED, None, 0)
    send_alone(inbox, 3, shop=shop, body=letter(3))
    running = claim(inbox, 3, shop)
    accept(inbox, 4, shop=shop, body=letter(4))
    holder, batch = begin(inbox, shop)
    assert ids(batch) == ["4"]
    accept(inbox, 5, shop=shop, body=letter(5))
    return holder, running


def test_bodies_are_replaced_where_they_stand_and_stay_replayable(inbox: Inbox) -> None:
    holder, running = stand_everywhere(inbox, "one")
    accept(inbox, 6, body=letter(6, email="bob@example.com"))
    accept(inbox, 7, shop="two", body=letter(7))
    assert everything(inbox).count(ANN.encode()) == 6
    inbox.client.hset(inbox.keys.of("trouble", keys.ref(SHOP, "1")), "error", f"no mail to {ANN}")
    assert Bodies(inbox).redact(SHOP, bare, but="") == Redacted(waiting=4, dead=1)
    assert everything(inbox).count(ANN.encode()) == 1, "that of the other shop"
    check(inbox, waiting=3, leased=1, solo=1, running=1, dead=1)
    assert trouble(inbox, keys.ref(SHOP, "1"))["error"] == "redacted"
    assert Bodies(inbox).redact(SHOP, bare, but="") == Redacted()
    # Each goes on with what is left of it.
    assert inbox.replay([keys.ref(SHOP, "2")]) == {keys.ref(SHOP, "2"): "replayed"}
    pass_time(inbox, 2)
    assert [json.loads(claim(inbox, n).webhook.body) for n in (1, 2)] == [{"id": 1}, {"id": 2}]
    assert inbox.settle(running, FAILED, None, 0)
    step = settle(holder, DONE, last=False)
    assert ids(step) == ["5", "6"]
    assert b"bob" in everything(inbox)


def test_the_one_that_is_named_is_left_and_can_be_redacted_by_itself(inbox: Inbox) -> None:
    accept(inbox, 1, 2, body=None)
    accept(inbox, 3, body=letter(3))
    accept(inbox, 4, body=letter(4, more="x"))
    bodies = Bodies(inbox)
    assert bodies.redact(SHOP, bare, but="3") == Redacted(waiting=1)
    assert [one.webhook_id for one in bodies.each(SHOP) if ANN.encode() in one.body] == ["3"]
    bodies.redact_one(SHOP, "3", bare)
    bodies.redact_one(SHOP, "unknown", bare)
    assert ANN.encode() not in everything(inbox)


@pytest.fixture
def keeping(both: Settings) -> Any:
    opened = still_inbox(both, webhook_keep_body_seconds=600)
    yield opened
    opened.client.close()


def test_a_body_that_was_kept_goes_also_when_it_is_settled_meanwhile(keeping: Inbox) -> None:
    accept(keeping, 1, body=letter(1))
    holder, _ = begin(keeping)
    settle(holder, DONE)
    accept(keeping, 2, body=letter(2))
    holder, _ = begin(keeping)

    def settled_between(webhook: Stored) -> bytes | None:
        found = bare(webhook)
        if webhook.webhook_id == "2":
            assert settle(holder, DONE) is Ending.END
        return found

    assert everything(keeping).count(ANN.encode()) == 2
    done = Bodies(keeping).redact(SHOP, settled_between, but="")
    assert done == Redacted(kept=2)
    assert ANN.encode() not in everything(keeping)
    check(keeping, settled=2)


def test_a_body_that_is_another_by_now_is_left(inbox: Inbox) -> None:
    (ref,) = accept(inbox, 1, body=letter(1))

    def changed_between(webhook: Stored) -> bytes | None:
        inbox.client.append(inbox.keys.of("record", ref), " ")
        return bare(webhook)

    assert Bodies(inbox).redact(SHOP, changed_between, but="") == Redacted()


def test_all_of_a_shop_is_deleted_but_for_what_a_run_holds(inbox: Inbox) -> None:
    holder, running = stand_everywhere(inbox, "one")
    accept(inbox, 8, shop="two", body=letter(8))
    bodies = Bodies(inbox)
    assert bodies.erase(SHOP, but="") == Erased(webhooks=3, held_in=["orders"])
    assert everything(inbox).count(ANN.encode()) == 1, "that of the other shop"
    check(inbox, waiting=1, leased=1, running=1, settled=3)
    assert inbox.settle(running, FAILED, None, 0)
    settle(holder, BACK)
    assert bodies.erase(SHOP, but="") == Erased(webhooks=2)
    check(inbox, waiting=1, settled=5)
    assert counts(inbox)["deleted:orders"] == 5
    assert counts(inbox)["dead:orders:erased"] == 4, "one was dead already"
    # Its id stays known, and the shop goes on like any other.
    again = arrival(5, body=letter(5))
    assert inbox.accept([again]) == [Answer.DUPLICATE]
    accept(inbox, 11)
    assert ids(begin(inbox)[1]) == ["11"]


def test_what_a_paused_topic_or_a_parked_shop_holds_is_deleted_too(inbox: Inbox) -> None:
    inbox.pause("topic", "orders/paid")
    accept(inbox, 1, 2, topic="orders/paid", body=None)
    holder, batch = begin(inbox)
    assert ids(batch) == []
    assert settle(holder) is Ending.END
    accept(inbox, 3)
    holder, _ = begin(inbox)
    settle(holder, BACK, park=parkings("one"))
    check(inbox, waiting=1, held=2)
    assert Bodies(inbox).erase(SHOP, but="") == Erased(webhooks=3)
    check(inbox, settled=3)
    inbox.resume("topic", "orders/paid")
    pass_time(inbox, 10)
    check(inbox, settled=3)


def test_a_long_line_is_taken_out_piece_by_piece(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avnu.inbox.bodies._IDS", 7)
    accept(inbox, *range(30))
    accept(inbox, "a", "b", area="app", topic="shop/update")
    assert Bodies(inbox).erase(SHOP, but="").webhooks == 32
    check(inbox, settled=32)


def test_the_one_that_asks_for_it_is_left(inbox: Inbox) -> None:
    accept(inbox, 1, 2)
    holder, _ = begin(inbox)
    done = Bodies(inbox).erase(SHOP, but="1")
    assert done == Erased(held_in=["orders"])
    assert {one.webhook_id for one in Bodies(inbox).each(SHOP) if one.body} == {"1"}
    settle(holder, DONE, DONE)


def test_kept_bodies_of_the_shop_are_deleted(keeping: Inbox) -> None:
    accept(keeping, 1, body=letter(1))
    holder, _ = begin(keeping)
    settle(holder, DONE)
    assert Bodies(keeping).erase(SHOP, but="") == Erased(kept=1)
    assert ANN.encode() not in everything(keeping)
    check(keeping, settled=1)


def test_what_rests_is_looked_through_without_what_waits(keeping: Inbox) -> None:
    send_alone(keeping, 20, shop="two", body=letter(20))
    assert keeping.settle(claim(keeping, 20, "two"), REJECTED, None, 0)
    accept(keeping, 21, shop="three", body=letter(21))
    holder, _ = begin(keeping, "three")
    settle(holder, DONE)
    stand_everywhere(keeping, "one")
    looking = Resting(Bodies(keeping))
    shops = [SHOP, domain("three")]
    assert looking.redact([], bare, lambda: True) == Redacted()
    as_if_never_looked(keeping)
    assert looking.redact(shops, bare, lambda: False) == Redacted()
    assert looking.redact(shops, bare, lambda: True) == Redacted(dead=1, kept=1)
    assert looking.redact(shops, bare, lambda: True) == Redacted()
    as_if_never_looked(keeping)
    assert looking.redact([OTHER], bare, lambda: True) == Redacted(dead=1)
    assert everything(keeping).count(ANN.encode()) == 4, "alone, running, leased, waiting"


def as_if_never_looked(inbox: Inbox) -> None:
    inbox.client.delete(inbox.keys.of("searched"))


def test_a_search_goes_on_where_the_one_before_was_cut_short(
    keeping: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resting, "_REFS", 2)
    monkeypatch.setattr(resting, "_SCAN", 1)
    accept(keeping, *range(1, 6), body=letter(1))
    holder, _ = begin(keeping)
    settle(holder, *[REJECTED] * 5)  # all in one ms
    accept(keeping, 6, 7, 8, body=letter(6))
    pass_time(keeping, 1)
    holder, _ = begin(keeping)
    settle(holder, REJECTED, DONE, DONE)
    seen: Counter[str] = Counter()

    def looked_at(webhook: Stored) -> bytes | None:
        seen[webhook.webhook_id] += 1
        return None

    def look(longest: int) -> None:
        turns = itertools.count()
        Resting(Bodies(keeping)).redact([SHOP], looked_at, lambda: next(turns) < longest)

    for longest in range(1, 5):
        look(longest)
    # All within 10 pages: each dead letter once, what is kept as often as the scan comes by.
    assert {n: seen.pop(n) for n in "123456"} == dict.fromkeys("123456", 1)
    for _ in range(20):
        look(20)
    assert seen.keys() == {"7", "8"}
    die(keeping, 9)
    look(20)
    assert seen["9"] == 1


def die(inbox: Inbox, number: int) -> None:
    accept(inbox, number, body=letter(number))
    pass_time(inbox, 1)
    holder, _ = begin(inbox)
    settle(holder, REJECTED)
