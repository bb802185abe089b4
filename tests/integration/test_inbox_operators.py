"""pause.lua, replay.lua, drop.lua, unpark.lua: what an operator can do to the inbox."""

import pytest

from avnu.inbox import Inbox
from avnu.inbox.arrival import Answer
from avnu.inbox.solo import Refusal
from avnu.inbox.turn import Ending
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
    drain,
    ids,
    parkings,
    partition,
    pass_time,
    place,
    queued,
    send_alone,
    settle,
    still_inbox,
    trouble,
)

pytest_plugins = ("tests.support.inbox_fixtures",)

SHOP = domain("one")


def make_dead(inbox: Inbox, *webhook_ids: object) -> None:
    send_alone(inbox, *webhook_ids)
    for one in webhook_ids:
        inbox.settle(claim(inbox, one), REJECTED, None, 0.0)


# ---- pause


def test_pausing_twice_changes_nothing(inbox: Inbox) -> None:
    assert inbox.pause("area", "orders") is True
    assert inbox.pause("area", "orders") is False
    assert inbox.resume("area", "orders") is True
    assert inbox.resume("area", "orders") is False


def test_a_paused_area_accepts_and_keeps_without_waking(inbox: Inbox) -> None:
    inbox.pause("area", "orders")
    accept(inbox, 1)
    pass_time(inbox, 60)
    assert queued(inbox) == []
    inbox.resume("area", "orders")
    assert [p for p, _ in queued(inbox)] == [partition(inbox)]
    assert ids(begin(inbox)[1]) == ["1"]


def test_pausing_and_resuming_at_will_does_not_fill_the_queue(inbox: Inbox) -> None:
    accept(inbox, 1)
    for _ in range(20):
        inbox.pause("area", "orders")
        inbox.resume("area", "orders")
    assert len(queued(inbox)) == 2


def test_an_area_resumed_behind_a_full_queue_is_woken_by_the_tick(inbox: Inbox) -> None:
    accept(inbox, 1)
    for _ in range(3):
        inbox.pause("area", "orders")
        inbox.resume("area", "orders")
    assert drain(inbox, wake=1).begin() is not Ending.PAUSED
    pass_time(inbox, 60)
    assert queued(inbox)
    check(inbox, solo=1)


def test_a_paused_shop_stands_aside_and_the_others_go_on(inbox: Inbox) -> None:
    one_part = still_inbox(inbox.settings, inbox_partitions=1)
    one_part.pause("shop", SHOP)
    accept(one_part, 1)
    accept(one_part, 2, shop="two")
    assert ids(begin(one_part)[1]) == ["2"]
    assert place(one_part) == "s0"
    accept(one_part, 3)
    check(one_part, waiting=2, leased=1)
    one_part.resume("shop", SHOP)
    assert place(one_part) == "r0"
    check(one_part, waiting=2, leased=1)


def test_a_paused_parked_shop_is_stopped_when_it_unparks(inbox: Inbox) -> None:
    accept(inbox, 1)
    settle(begin(inbox)[0], BACK, park=parkings("one"))
    inbox.pause("shop", "one")
    pass_time(inbox, 6)
    assert place(inbox)[0] == "s"
    check(inbox, waiting=1)
    inbox.resume("shop", "one")
    assert ids(begin(inbox)[1]) == ["1"]


def test_a_paused_shop_is_stopped_in_every_area(inbox: Inbox) -> None:
    inbox.pause("shop", "one")
    accept(inbox, 1)
    accept(inbox, 2, topic="products/update", area="products")
    assert drain(inbox).begin() is Ending.EMPTY
    assert drain(inbox, area="products").begin() is Ending.EMPTY
    inbox.resume("shop", "one")
    assert ids(begin(inbox)[1]) == ["1"]
    assert ids(begin(inbox, area="products")[1]) == ["2"]


def test_a_paused_topic_is_set_aside_and_returns_in_order(inbox: Inbox) -> None:
    inbox.pause("topic", "orders/updated")
    for n in range(6):
        accept(inbox, n, topic="orders/updated" if n % 2 else "orders/create")
    holder, batch = begin(inbox)
    assert ids(batch) == ["0", "2", "4"]
    settle(holder, DONE, DONE, DONE)
    accept(inbox, 6, topic="orders/updated")
    check(inbox, settled=3, held=3, waiting=1)
    inbox.resume("topic", "orders/updated")
    check(inbox, settled=3, waiting=4)
    assert ids(begin(inbox)[1]) == ["1", "3", "5", "6"]


def test_a_shop_with_only_paused_topics_becomes_idle_and_returns(inbox: Inbox) -> None:
    inbox.pause("topic", "orders/updated")
    accept(inbox, 1, topic="orders/updated")
    holder = drain(inbox)
    batch = holder.begin()
    assert ids(batch) == [], "a batch may be empty: ask on"
    assert settle(holder, last=False) is Ending.EMPTY
    assert place(inbox) == ""
    check(inbox, held=1)
    inbox.resume("topic", "orders/updated")
    assert place(inbox)[0] == "r"
    assert len(queued(inbox)) == 2
    assert ids(begin(inbox)[1]) == ["1"]


def test_what_a_turn_in_progress_leaves_comes_after_what_was_held(inbox: Inbox) -> None:
    inbox.pause("topic", "orders/updated")
    accept(inbox, 1, topic="orders/updated")
    accept(inbox, 2, 3)
    holder, batch = begin(inbox)
    assert ids(batch) == ["2", "3"]
    inbox.resume("topic", "orders/updated")
    pass_time(inbox, 1)
    check(inbox, leased=2, held=1)
    assert ids(settle(holder, DONE, BACK, last=False)) == ["1", "3"]


def test_a_resumed_topic_of_a_shop_whose_turn_was_its_last_returns(inbox: Inbox) -> None:
    inbox.pause("topic", "orders/updated")
    accept(inbox, 1, topic="orders/updated")
    accept(inbox, 2)
    holder, _ = begin(inbox)
    inbox.resume("topic", "orders/updated")
    assert settle(holder, DONE, last=False) is Ending.EMPTY
    check(inbox, settled=1, held=1)
    pass_time(inbox, 1)
    assert ids(begin(inbox)[1]) == ["1"]


def test_resuming_one_topic_keeps_another_aside(inbox: Inbox) -> None:
    for topic in ("orders/updated", "orders/paid"):
        inbox.pause("topic", topic)
    for n in range(4):
        accept(inbox, n, topic="orders/updated" if n % 2 else "orders/paid")
    settle(begin(inbox)[0])
    check(inbox, held=4)
    inbox.resume("topic", "orders/updated")
    holder, batch = begin(inbox)
    assert ids(batch) == ["1", "3"]
    settle(holder, DONE, DONE)
    check(inbox, settled=2, held=2)
    inbox.resume("topic", "orders/paid")
    assert ids(begin(inbox)[1]) == ["0", "2"]


def test_thousands_of_shops_with_a_paused_topic_return_over_some_ticks(inbox: Inbox) -> None:
    wide = still_inbox(inbox.settings, inbox_partitions=1, inbox_turn_shops=200)
    wide.pause("topic", "orders/create")
    for n in range(1100):
        accept(wide, 1, 2, shop=f"shop{n}")
    holder = drain(wide, p=0)
    step = holder.begin()
    while not isinstance(step, Ending):
        step = settle(holder, last=False)
    check(wide, held=2200)
    wide.resume("topic", "orders/create")
    check(wide, held=1200, waiting=1000)
    pass_time(wide, 2, step_s=1)
    check(wide, waiting=2200)


@pytest.mark.parametrize(
    ("kind", "name"), [("area", "orders"), ("topic", "orders/create"), ("shop", "one")]
)
def test_solo_webhooks_wait_out_a_pause(inbox: Inbox, kind: str, name: str) -> None:
    send_alone(inbox, 1)
    inbox.pause(kind, name)
    assert pass_time(inbox, 60) == []
    check(inbox, solo=1)
    assert inbox.claim(SHOP, "1", "me") is Refusal.PAUSED
    inbox.resume(kind, name)
    assert {one.webhook_id for one in pass_time(inbox, 2, step_s=1)} == {"1"}
    claim(inbox, 1)
    check(inbox, running=1)


def test_a_suspect_waits_out_a_pause_among_the_suspects(inbox: Inbox) -> None:
    send_alone(inbox, 1)
    for _ in range(2):
        claim(inbox, 1)
        pass_time(inbox, 20)
    inbox.pause("shop", "one")
    assert pass_time(inbox, 60) == []
    inbox.resume("shop", "one")
    assert {one.webhook_id for one in pass_time(inbox, 8)} == {"1"}
    assert inbox.client.zcard(inbox.keys.of("suspects")) == 1
    assert claim(inbox, 1).suspect


def test_what_another_pause_still_holds_is_set_aside_again(inbox: Inbox) -> None:
    send_alone(inbox, 1)
    inbox.pause("shop", "one")
    inbox.pause("area", "orders")
    pass_time(inbox, 4)
    inbox.resume("area", "orders")
    assert pass_time(inbox, 30) == []
    check(inbox, solo=1)


# ---- replay


def test_replay_begins_anew(inbox: Inbox) -> None:
    make_dead(inbox, 1)
    assert inbox.replay(["one/1", "one/unknown"]) == {"one/1": "replayed", "one/unknown": "gone"}
    check(inbox, solo=1)
    assert counts(inbox)["revived:orders"] == 1
    got = claim(inbox, 1)
    assert got.failed_runs == 0
    inbox.settle(got, DONE, None, 0.0)
    assert inbox.replay(["one/1"]) == {"one/1": "gone"}
    check(inbox, settled=1)


def test_replay_of_what_waits_out_a_delay_makes_it_due(inbox: Inbox) -> None:
    send_alone(inbox, 1)
    inbox.settle(claim(inbox, 1), FAILED, None, 0.0)
    assert inbox.claim(SHOP, "1", "me") is Refusal.EARLY
    assert inbox.replay(["one/1"]) == {"one/1": "due now"}
    assert claim(inbox, 1).failed_runs == 1, "its past still counts"
    assert inbox.replay(["one/1"]) == {"one/1": "gone"}, "it runs"
    check(inbox, running=1)


def test_replay_of_what_a_pause_set_aside(inbox: Inbox) -> None:
    send_alone(inbox, 1)
    inbox.pause("shop", "one")
    pass_time(inbox, 4)
    assert inbox.replay(["one/1"]) == {"one/1": "due now"}
    check(inbox, solo=1)


def test_a_replayed_poison_is_still_a_suspect(inbox: Inbox) -> None:
    send_alone(inbox, 1)
    while trouble(inbox, "one/1").get("state") != "dead":
        claim(inbox, 1)
        pass_time(inbox, 20)
    inbox.replay(["one/1"])
    assert claim(inbox, 1).suspect
    pass_time(inbox, 20)
    assert trouble(inbox, "one/1")["lone"] == "1", "its crashes are counted from nought"


def test_a_replayed_unavailable_has_its_whole_time_again(inbox: Inbox) -> None:
    send_alone(inbox, 1)
    impatient = still_inbox(inbox.settings, park_max_seconds=60)
    while trouble(inbox, "one/1").get("state") != "dead":
        impatient.settle(claim(inbox, 1), BACK, parkings("one", wait_ms=40_000)[1], 0.0)
        pass_time(impatient, 72)
    assert trouble(inbox, "one/1")["cause"] == "unavailable"
    impatient.replay(["one/1"])
    impatient.settle(claim(inbox, 1), BACK, parkings("one", wait_ms=40_000)[1], 0.0)
    check(inbox, solo=1)


def test_replaying_a_suspected_replay_runs_it(inbox: Inbox) -> None:
    body = b"x" * 64
    accept(inbox, 1, body=body)
    assert inbox.accept([arrival(2, "two", body=body)]) == [Answer.SUSPECT]
    inbox.replay(["two/2"])
    assert claim(inbox, 2, "two").webhook.body == body


def test_bulk_replay_and_drop(inbox: Inbox) -> None:
    many = still_inbox(inbox.settings, inbox_batch=1000)
    make_dead(many, *range(500))
    refs = [f"one/{n}" for n in range(500)]
    assert set(many.replay(refs[:250]).values()) == {"replayed"}
    assert set(many.drop(refs[250:]).values()) == {"deleted"}
    check(many, solo=250, settled=250)


# ---- drop


def test_drop_deletes_dead_letters_only(inbox: Inbox) -> None:
    make_dead(inbox, 1)
    accept(inbox, 2)
    assert inbox.drop(["one/1", "one/2"]) == {"one/1": "deleted", "one/2": "gone"}
    assert inbox.drop(["one/1"]) == {"one/1": "gone"}
    check(inbox, settled=1, waiting=1)
    assert counts(inbox)["deleted:orders"] == 1
    assert inbox.accept([arrival(1)]) == [Answer.DUPLICATE]
    assert inbox.client.ttl(inbox.keys.of("record", "one/1")) > 0


# ---- unpark


def test_unpark_in_every_area(inbox: Inbox) -> None:
    accept(inbox, 1)
    accept(inbox, 2, topic="products/update", area="products")
    for area in ("orders", "products"):
        settle(begin(inbox, area=area)[0], BACK, park=parkings("one", wait_ms=10**6))
    assert inbox.unpark("one") == 2
    assert inbox.unpark(SHOP) == 0
    check(inbox, waiting=2)
    assert inbox.client.zcard(inbox.keys.of("parked")) == 0
    begin(inbox)
    begin(inbox, area="products")


def test_unpark_only_where_it_waits_for_what_has_ended(inbox: Inbox) -> None:
    accept(inbox, 1)
    accept(inbox, 2, topic="products/update", area="products")
    settle(begin(inbox)[0], BACK, park=parkings("one", "token", 10**6))
    settle(begin(inbox, area="products")[0], BACK, park=parkings("one", "frozen", 10**6))
    assert inbox.unpark("one", ("unauthorised", "token")) == 1
    assert place(inbox)[0] == "r"
    assert place(inbox, area="products")[0] == "p"
    assert inbox.unpark("one", ("froze",)) == 0
    assert inbox.unpark("one") == 1


def test_unpark_of_a_paused_shop_stops_it(inbox: Inbox) -> None:
    accept(inbox, 1)
    settle(begin(inbox)[0], BACK, park=parkings("one"))
    inbox.pause("shop", "one")
    assert inbox.unpark("one") == 1
    assert place(inbox)[0] == "s"
    check(inbox, waiting=1)


def test_unpark_those_that_wait_for_one_cause(inbox: Inbox) -> None:
    causes = {"one": "breaker", "two": "platform", "three": "frozen", "four": "budget"}
    for shop, cause in causes.items():
        accept(inbox, 1, shop=shop)
        settle(begin(inbox, shop)[0], BACK, park=parkings(shop, cause, 10**6))
    assert inbox.unpark_waiting(("breaker", "platform")) == 2
    assert {shop: place(inbox, shop)[0] for shop in causes} == {
        "one": "r", "two": "r", "three": "p", "four": "p",
    }  # fmt: skip
    assert inbox.unpark_waiting(("breaker", "platform")) == 0
    check(inbox, waiting=4)
