"""tick.lua: wake-ups and solo tasks replaced, shops unparked, what gave up and what is swept."""

import itertools

import msgspec
import pytest

from avnu.inbox import Inbox
from avnu.inbox.overview import overview
from avnu.inbox.turn import Ending, Parking
from avnu.inbox.workers import Ticking, Worker
from tests.support.inbox import (
    ALONE,
    BACK,
    DONE,
    REJECTED,
    accept,
    begin,
    check,
    claim,
    counts,
    domain,
    drain,
    ids,
    move_time,
    parkings,
    partition,
    pass_time,
    place,
    queue_client,
    queued,
    send_alone,
    settle,
    still_inbox,
    trouble,
)

pytest_plugins = ("tests.support.inbox_fixtures",)

ONE = Ticking("w@one", 3, ["maintenance", "orders"])
TWO = Ticking("w@two", 1, [])

SHOP = domain("one")
DAY_S = 86_400
# Steps so long that a day takes few: no lease is held in such tests, so the gap changes nothing.
HOUR_S = 3600


def lose_messages(inbox: Inbox) -> None:
    """DB 1 is wiped."""
    with queue_client(inbox) as client:
        client.flushdb()


# ---- early


def test_a_second_worker_in_the_same_second_is_early(inbox: Inbox) -> None:
    assert inbox.tick().early is False
    assert inbox.tick().early is True
    move_time(inbox, 0.6)
    assert inbox.tick().early is False


# ---- wake-ups


def test_lost_wake_ups_are_replaced_at_growing_intervals(inbox: Inbox) -> None:
    accept(inbox, 1)
    at: list[int] = []
    seen, clock = 0, itertools.count(1)
    while len(at) < 8:
        lose_messages(inbox)
        second = next(clock)
        assert second < 1000
        move_time(inbox, 1)
        seen += inbox.tick().replaced
        if queued(inbox):
            at.append(second)
    gaps = [later - earlier for earlier, later in itertools.pairwise([0, *at])]
    assert gaps == pytest.approx([2, 4, 8, 16, 32, 60, 60, 60], abs=1.1)
    assert seen == 8


def test_a_turn_starts_the_intervals_anew(inbox: Inbox) -> None:
    accept(inbox, 1)
    for _ in range(4):
        lose_messages(inbox)
        pass_time(inbox, 20)
    settle(begin(inbox)[0], BACK)
    lose_messages(inbox)
    pass_time(inbox, 3, step_s=1)
    assert len(queued(inbox)) == 1


def test_replacements_stop_at_twice_the_partitions_with_work(inbox: Inbox) -> None:
    shops = shops_of_all_partitions(inbox)
    for shop in shops:
        accept(inbox, 1, shop=shop)
    pass_time(inbox, 600)
    assert len(queued(inbox)) == 2 * len(shops)


def shops_of_all_partitions(inbox: Inbox) -> list[str]:
    of_partition = {partition(inbox, f"shop{n}"): f"shop{n}" for n in range(100)}
    assert len(of_partition) == inbox.settings.inbox_partitions
    return list(of_partition.values())


def test_a_partition_in_work_gets_no_replacement(inbox: Inbox) -> None:
    accept(inbox, 1, 2)
    holder, batch = begin(inbox, owner="me")
    lose_messages(inbox)
    for _ in range(5):
        pass_time(inbox, 10)
        inbox.renew("part", f"orders/{partition(inbox)}", "me", batch.token)
    assert queued(inbox) == []
    settle(holder, BACK, BACK)
    assert len(queued(inbox)) == 1


def test_a_mark_without_work_is_taken_away(inbox: Inbox) -> None:
    accept(inbox, 1)
    send_alone(inbox, 2, shop="two")
    inbox.settle(claim(inbox, 2, "two"), DONE, None, 0.0)
    accept(inbox, 3, shop="two")
    holder, _ = begin(inbox, "one")
    settle(holder, *[ALONE] * (2 if partition(inbox) == partition(inbox, "two") else 1))
    inbox.settle(claim(inbox, 1), BACK, Parking("budget"), 0.0)
    pass_time(inbox, 1)
    check_marks(inbox)


def check_marks(inbox: Inbox) -> None:
    for part in inbox.client.smembers(inbox.keys.of("work")):
        assert inbox.client.exists(inbox.keys.of("ready", part.decode()))


def test_solo_tasks_in_the_queue_do_not_hide_a_lost_wake_up(inbox: Inbox) -> None:
    """A long replay keeps the queue full of solo tasks; live work must not wait for its end."""
    slow = still_inbox(inbox.settings, inbox_solo_per_second=20)
    send_alone(slow, *range(50), shop="two")
    accept(slow, 1)
    with queue_client(slow) as client:
        for _ in range(40):
            publish(slow, client, pass_time(slow, 1, step_s=1))
    lose_wake_ups(slow)
    pass_time(slow, 70)
    assert queued(slow)[-1][0] == partition(slow)


def publish(inbox: Inbox, client, due) -> None:  # type: ignore[no-untyped-def]
    """As the worker does; what the message says does not matter here."""
    for _ in due:
        client.lpush(f"{inbox.settings.avnu_namespace}:orders", b'{"body": "[[-1, -1]]"}')


def lose_wake_ups(inbox: Inbox) -> None:
    key = f"{inbox.settings.avnu_namespace}:orders"
    with queue_client(inbox) as client:
        for message in client.lrange(key, 0, -1):
            if b"drain" in message:
                client.lrem(key, 0, message)


# ---- solo tasks


def test_a_task_is_published_when_due_and_again_at_growing_intervals(inbox: Inbox) -> None:
    send_alone(inbox, 1)
    at = [second for second in range(1, 1300) if pass_time(inbox, 1, step_s=1)]
    gaps = [later - earlier for earlier, later in itertools.pairwise(at)]
    assert at[0] <= 2
    assert gaps == pytest.approx([2, 4, 8, 16, 32, 64, 128, 256, 300, 300][: len(gaps)], abs=1.1)
    assert len(gaps) >= 9
    check(inbox, solo=1)


def test_at_most_a_set_number_per_second(inbox: Inbox) -> None:
    slow = still_inbox(inbox.settings, inbox_solo_per_second=5, inbox_batch=1000)
    send_alone(slow, *range(23))
    lose_messages(slow)
    slow.tick()
    published = []
    for _ in range(6):
        due = pass_time(slow, 1, step_s=1)
        published.append(len(due))
        for one in due:  # else it would be published again
            claim(slow, one.webhook_id)
    assert published == [5, 5, 5, 5, 3, 0]


def test_a_late_tick_does_not_catch_up(inbox: Inbox) -> None:
    slow = still_inbox(inbox.settings, inbox_solo_per_second=5, inbox_batch=1000)
    send_alone(slow, *range(23))
    lose_messages(slow)
    slow.tick()
    assert len(pass_time(slow, 60, step_s=60)) == 5


def test_one_stalled_area_does_not_hold_up_the_others(inbox: Inbox) -> None:
    slow = still_inbox(inbox.settings, inbox_solo_per_second=50, inbox_batch=1000)
    send_alone(slow, *range(1000))
    send_alone(slow, *range(1000), shop="two")
    send_alone(slow, "x", shop="three", topic="products/update", area="products")
    with queue_client(slow) as client:
        for _ in range(60):
            due = pass_time(slow, 1, step_s=1)
            publish(slow, client, [one for one in due if one.area == "orders"])
            if any(one.area == "products" for one in due):
                return
    pytest.fail("2,000 webhooks of an area whose workers are away hold up another area's")


def test_live_trouble_comes_before_replays(inbox: Inbox) -> None:
    slow = still_inbox(inbox.settings, inbox_solo_per_second=10, inbox_batch=1000)
    send_alone(slow, *range(200))
    for n in range(200):
        slow.settle(claim(slow, n), REJECTED, None, 0.0)
    slow.replay([f"one/{n}" for n in range(200)])
    pass_time(slow, 3, step_s=1)
    send_alone(slow, "live", shop="two")
    assert "live" in [one.webhook_id for one in pass_time(slow, 1, step_s=1)]
    slow.settle(claim(slow, "live", "two"), DONE, None, 0.0)
    assert len(pass_time(slow, 30, step_s=1)) >= 100, "what is left of the rate is the replays'"
    check(slow, solo=200, settled=1)


def test_a_solo_run_that_died_is_due_again(inbox: Inbox) -> None:
    send_alone(inbox, 1)
    claim(inbox, 1)
    assert {one.webhook_id for one in pass_time(inbox, 20)} == {"1"}


# ---- parked


def test_unparked_when_due(inbox: Inbox) -> None:
    accept(inbox, 1)
    settle(begin(inbox)[0], BACK, park=parkings("one", wait_ms=7000))
    pass_time(inbox, 6.5, step_s=1)
    assert place(inbox)[0] == "p"
    pass_time(inbox, 1, step_s=1)
    assert place(inbox)[0] == "r"
    assert len(queued(inbox)) == 2, "whatever makes a shop ready wakes"


def park_again(inbox: Inbox, *, wait_ms: int = 0) -> None:
    holder, batch = begin(inbox)
    settle(holder, *[BACK] * len(batch.webhooks), park=parkings("one", wait_ms=wait_ms))


def test_after_a_day_of_parking_a_shops_webhooks_are_dead(inbox: Inbox) -> None:
    accept(inbox, 1, 2)
    parks = 0
    while not counts(inbox).get("dead:orders:unavailable"):
        park_again(inbox, wait_ms=HOUR_S * 1000)
        pass_time(inbox, HOUR_S + 1, step_s=HOUR_S / 2)
        parks += 1
        assert parks <= 25
    assert parks == 24
    check(inbox, dead=2)
    assert place(inbox) == "", "the shop starts anew"
    accept(inbox, 3)
    park_again(inbox)
    check(inbox, dead=2, waiting=1)


def test_a_shop_served_in_between_is_not_given_up(inbox: Inbox) -> None:
    """A busy shop parks for points each turn, for days; each turn something is done."""
    accept(inbox, 0)
    for hour in range(1, 50):
        accept(inbox, hour)
        holder, batch = begin(inbox)
        assert len(batch.webhooks) == 2
        settle(holder, DONE, BACK, park=parkings("one", wait_ms=HOUR_S * 1000))
        pass_time(inbox, HOUR_S + 1, step_s=HOUR_S / 2)
    check(inbox, settled=49, waiting=1)


def test_an_outage_does_not_count_as_parked(inbox: Inbox) -> None:
    accept(inbox, 1)
    park_again(inbox)
    pass_time(inbox, 3 * DAY_S, step_s=3 * DAY_S)
    check(inbox, waiting=1)
    park_again(inbox)
    pass_time(inbox, 3 * DAY_S, step_s=3 * DAY_S)
    check(inbox, waiting=1)


def test_giving_up_a_long_line_takes_several_ticks(inbox: Inbox) -> None:
    accept(inbox, *range(1200))
    settle_none_and_park(inbox, 2 * DAY_S)
    pass_time(inbox, 2 * DAY_S + 1, step_s=2 * DAY_S + 1)
    left = [inbox.client.llen(inbox.keys.of("line", "orders/one"))]
    while left[-1]:
        assert place(inbox)[0] == "p"
        pass_time(inbox, 1, step_s=1)
        left.append(inbox.client.llen(inbox.keys.of("line", "orders/one")))
    assert left[0] == 700
    assert len(left) == 3
    check(inbox, dead=1200)


def settle_none_and_park(inbox: Inbox, seconds: int) -> None:
    holder, batch = begin(inbox)
    settle(holder, *[BACK] * len(batch.webhooks), park=parkings("one", wait_ms=seconds * 1000))


def test_a_webhook_that_only_travels_alone_is_given_up_too(inbox: Inbox) -> None:
    """Its shop is idle, so nothing else remembers how long it could not be served."""
    send_alone(inbox, 1)
    parks = 0
    while trouble(inbox, "one/1")["state"] != "dead":
        inbox.settle(claim(inbox, 1), BACK, Parking("frozen", HOUR_S * 1000), 0.0)
        pass_time(inbox, HOUR_S + 40, step_s=HOUR_S / 2)
        parks += 1
        assert parks <= 26
    assert parks == 25
    assert trouble(inbox, "one/1")["cause"] == "unavailable"
    check(inbox, dead=1)


def test_a_solo_webhook_of_a_shop_that_is_given_up_is_dead(inbox: Inbox) -> None:
    send_alone(inbox, 1)
    accept(inbox, 2)
    settle_none_and_park(inbox, 2 * DAY_S)
    pass_time(inbox, 2 * DAY_S + 1, step_s=HOUR_S)
    assert trouble(inbox, "one/1")["cause"] == "unavailable"
    check(inbox, dead=2)


def test_a_run_in_between_starts_a_webhooks_time_anew(inbox: Inbox) -> None:
    patient = still_inbox(inbox.settings, queue_attempts=100, queue_backoff_delay=1)
    send_alone(patient, 1)
    for _ in range(3):
        for _ in range(20):
            patient.settle(claim(patient, 1), BACK, Parking("frozen", HOUR_S * 1000), 0.0)
            pass_time(patient, HOUR_S + 40, step_s=HOUR_S / 2)
        failed = patient.settle(claim(patient, 1), REJECTED, None, 0.0)
        assert failed
        patient.replay(["one/1"])
    check(patient, solo=1)


# ---- dead


def test_dead_letters_are_swept_after_their_time_and_counted(inbox: Inbox) -> None:
    accept(inbox, 1)
    settle(begin(inbox)[0], REJECTED)
    keep_s = inbox.settings.dead_ttl_seconds
    assert inbox.client.ttl(inbox.keys.of("trouble", "one/1")) == -1
    assert inbox.client.ttl(inbox.keys.of("record", "one/1")) == -1
    pass_time(inbox, keep_s - 60, step_s=keep_s)
    check(inbox, dead=1)
    pass_time(inbox, 61, step_s=61)
    check(inbox, settled=1)
    assert counts(inbox)["deleted:orders"] == 1
    assert inbox.client.get(inbox.keys.of("record", "one/1"))[:2] == b"=x"
    assert trouble(inbox, "one/1") == {}


def test_wiping_the_queue_twice_loses_nothing(inbox: Inbox) -> None:
    shops = shops_of_all_partitions(inbox)
    for shop in shops:
        accept(inbox, 1, 2, shop=shop)
    send_alone(inbox, 1, topic="products/update", area="products")
    for _ in range(2):
        lose_messages(inbox)
        due = pass_time(inbox, 12)
        assert {p for p, _ in queued(inbox)} == set(range(inbox.settings.inbox_partitions))
        assert "1" in {one.webhook_id for one in due}
    for p, wake in queued(inbox):
        holder = drain(inbox, p=p, wake=wake)
        batch = holder.begin()
        if not isinstance(batch, Ending):
            settle(holder, *[DONE] * len(ids(batch)))
    inbox.settle(claim(inbox, 1), DONE, None, 0.0)
    check(inbox, settled=2 * len(shops) + 1)


# ---- who ticks


def test_each_worker_is_noted_though_another_has_ticked_just_now(inbox: Inbox) -> None:
    inbox.tick(ONE)
    assert inbox.tick(TWO).early
    inbox.tick()
    assert [one.host for one in overview(inbox).workers] == ["w@one", "w@two"]
    first = overview(inbox).workers[0]
    assert msgspec.structs.replace(first, age_s=0.0) == Worker(
        "w@one", 3, ["maintenance", "orders"], 0.0
    )


def test_a_worker_that_ticks_no_more_is_not_up_and_then_forgotten(inbox: Inbox) -> None:
    inbox.tick(ONE)
    move_time(inbox, 6)
    inbox.tick(TWO)
    assert [one.host for one in overview(inbox).workers] == ["w@two"]
    assert inbox.client.hlen(inbox.keys.of("ticking")) == 2
    move_time(inbox, 60)
    inbox.tick(TWO)
    assert inbox.client.hkeys(inbox.keys.of("ticking")) == [b"w@two"]
