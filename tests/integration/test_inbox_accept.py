"""accept.lua: every answer, the replay guard, the full inbox, what a webhook costs in memory."""

import pytest
import redis

from avnu.inbox import Inbox
from avnu.inbox.arrival import Answer
from avnu.inbox.turn import Batch, Ending
from tests.support.inbox import (
    DONE,
    SUPERSEDED,
    accept,
    arrival,
    begin,
    check,
    counts,
    ids,
    move_time,
    partition,
    place,
    queued,
    settle,
    still_inbox,
    trouble,
    wake_number,
)

pytest_plugins = ("tests.support.inbox_fixtures",)

A, D, R, S, F = (
    Answer.ACCEPTED,
    Answer.DUPLICATE,
    Answer.REPLAYED,
    Answer.SUSPECT,
    Answer.FULL,
)


def test_new_ones_are_kept_in_order_and_wake_once(inbox: Inbox) -> None:
    assert inbox.accept([arrival(n) for n in range(3)]) == [A, A, A]
    assert inbox.accept([arrival(3)]) == [A]
    assert queued(inbox) == [(partition(inbox), 1)]
    assert place(inbox) == f"r{partition(inbox)}"
    check(inbox, waiting=4)
    assert ids(begin(inbox)[1]) == ["0", "1", "2", "3"]


def test_what_was_delivered_is_what_is_run(inbox: Inbox) -> None:
    body = bytes(range(256)) * 300
    one = arrival("id/with spaces; and ~", body=body)
    inbox.accept([one])
    stored = begin(inbox)[1].webhooks[0]
    assert stored.body == body
    assert (stored.shop, stored.topic, stored.area) == (one.shop, one.topic, one.area)


def test_a_known_id_is_a_duplicate_in_every_state(inbox: Inbox) -> None:
    again = [arrival(1)]
    assert inbox.accept([arrival(1), arrival(1)]) == [A, D]
    holder, _ = begin(inbox)
    assert inbox.accept(again) == [D]
    settle(holder, DONE)
    assert inbox.accept(again) == [D]
    assert inbox.accept([arrival(1, shop="two")]) == [A]
    assert counts(inbox)["duplicate"] == 3
    check(inbox, settled=1, waiting=1)


def test_same_bytes_for_another_shop_are_suspected(inbox: Inbox) -> None:
    body = b"x" * 64
    assert inbox.accept([arrival(1, body=body)]) == [A]
    assert inbox.accept([arrival(2, shop="two", body=body)]) == [S]
    assert trouble(inbox, "two/2")["cause"] == "suspected_replay"
    assert inbox.accept([arrival(2, shop="two", body=body)]) == [D]
    check(inbox, waiting=1, dead=1)
    assert counts(inbox)["dead:orders:suspected_replay"] == 1


@pytest.mark.parametrize("first_destroys", [True, False])
def test_same_bytes_for_another_topic_are_suspected_where_one_destroys(
    inbox: Inbox, first_destroys: bool
) -> None:
    body = b"x" * 64
    kinds = [("orders/delete", True), ("orders/create", False)]
    if not first_destroys:
        kinds.reverse()
    answers = [
        inbox.accept([arrival(n, topic=topic, destructive=destroys, body=body)])[0]
        for n, (topic, destroys) in enumerate(kinds)
    ]
    assert answers == [A, S]


def test_same_bytes_for_another_harmless_topic_pass(inbox: Inbox) -> None:
    body = b"x" * 64
    assert inbox.accept([arrival(1, topic="orders/create", body=body)]) == [A]
    assert inbox.accept([arrival(2, topic="orders/updated", body=body)]) == [A]
    assert inbox.accept([arrival(3, topic="orders/create", body=body)]) == [A]
    # Known by now under two names; a third that destroys is still caught.
    assert inbox.accept([arrival(4, topic="orders/delete", destructive=True, body=body)]) == [S]


def test_the_eleventh_of_one_shop_and_topic_is_not_kept(inbox: Inbox) -> None:
    body = b"x" * 64
    answers = inbox.accept([arrival(n, body=body) for n in range(12)])
    assert answers == [A] * 10 + [R, R]
    assert inbox.accept([arrival(99, topic="orders/updated", body=body)]) == [A]
    assert counts(inbox)["replayed"] == 2
    assert not inbox.client.exists(inbox.keys.of("record", "one/11"))
    check(inbox, waiting=11)


def test_short_bodies_are_not_guarded(inbox: Inbox) -> None:
    body = b"x" * 63
    shops = [f"shop{n}" for n in range(12)]
    assert inbox.accept([arrival(1, shop=shop, body=body) for shop in shops]) == [A] * 12
    assert inbox.accept([arrival(n, body=body) for n in range(12)]) == [A] * 12


def test_the_guard_remembers_into_the_next_period_and_then_forgets(inbox: Inbox) -> None:
    period_s = inbox.settings.inbox_replay_guard_seconds
    inbox.accept([arrival(1)])
    (bucket,) = guards(inbox)
    assert period_s < inbox.client.ttl(bucket) <= 2 * period_s
    move_time(inbox, period_s)
    assert inbox.accept([arrival(2, shop="two", body=arrival(1).body)]) == [S]
    inbox.client.delete(*guards(inbox))
    assert inbox.accept([arrival(3, shop="two", body=arrival(1).body)]) == [A]


def test_a_second_delivery_does_not_renew_the_guard(inbox: Inbox) -> None:
    inbox.accept([arrival(1)])
    (bucket,) = guards(inbox)
    inbox.client.expire(bucket, 100)
    assert inbox.accept([arrival(2, body=arrival(1).body)]) == [A]
    assert 0 < inbox.client.ttl(bucket) <= 100


def guards(inbox: Inbox) -> list[bytes]:
    return list(inbox.client.scan_iter(match=inbox.keys.of("guard") + "*", count=10000))


def test_full_refuses_new_ones_knows_old_ones_and_drains(inbox: Inbox) -> None:
    accept(inbox, 1, 2)
    control = inbox.keys.of("control")
    inbox.client.hset(control, "full", "1")
    assert inbox.accept([arrival(1), arrival(3)]) == [D, F]
    assert not inbox.client.exists(inbox.keys.of("record", "one/3"))
    assert settle(begin(inbox)[0], DONE, SUPERSEDED) is Ending.END
    check(inbox, settled=2)
    assert inbox.tick().full is False, "no maxmemory: never full"
    assert inbox.accept([arrival(3)]) == [A]


def test_full_is_noted_from_the_servers_memory(inbox: Inbox) -> None:
    used = inbox.client.info("memory")["used_memory"]
    try:
        inbox.client.config_set("maxmemory", int(used / 0.9))
        assert inbox.flush_counters({}) is True
        assert inbox.accept([arrival(1)]) == [F]
        assert inbox.tick().full is True
        inbox.client.config_set("maxmemory", used * 2)
        assert inbox.flush_counters({"rejected": 2}) is False
        assert inbox.accept([arrival(1)]) == [A]
    finally:
        inbox.client.config_set("maxmemory", 0)
    assert counts(inbox)["rejected"] == 2


def test_a_server_beyond_its_memory_still_drains(inbox: Inbox) -> None:
    accept(inbox, *range(20))
    try:
        inbox.client.config_set("maxmemory", 1_000_000)
        inbox.client.config_set("maxmemory-policy", "noeviction")
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            inbox.client.set("anything", "x")
        holder, batch = begin(inbox)
        assert settle(holder, *[DONE] * len(batch.webhooks)) is Ending.END
        inbox.tick()
    finally:
        inbox.client.config_set("maxmemory", 0)
    check(inbox, settled=20)


def test_a_settled_webhook_keeps_at_most_300_bytes(inbox: Inbox) -> None:
    """Of the server's memory, all told: key, value, expiry, guard, the tables they stand in."""
    inbox = still_inbox(inbox.settings, avnu_namespace="avnu")
    settle_many(inbox, 0, 1000)  # scripts and buffers have grown to their size
    before = inbox.client.info("memory")["used_memory"]
    settle_many(inbox, 1000, 7000)
    check(inbox, settled=7000)
    kept = (inbox.client.info("memory")["used_memory"] - before) / 6000
    print(f"bytes per settled webhook: {kept:.0f}")
    # Redis 7.0 spends 24 bytes more than Valkey on each key and each expiry.
    assert kept <= (300 if "valkey_version" in inbox.client.info("server") else 380)


def settle_many(inbox: Inbox, first: int, end: int) -> None:
    for start in range(first, end, 100):
        shops = [f"a-shop-of-some-name-{n % 10}" for n in range(start, start + 100)]
        ids = [f"b54557e4-bdd9-4b37-8a5f-{n:012}" for n in range(start, start + 100)]
        inbox.accept([arrival(one, shop) for one, shop in zip(ids, shops, strict=True)])
    for p in range(inbox.settings.inbox_partitions):
        holder = inbox.drain("orders", p, wake_number(inbox, p), f"owner of {p} to {end}")
        step = holder.begin()
        while isinstance(step, Batch):
            step = settle(holder, *[DONE] * len(step.webhooks), last=False)


def test_bodies_are_kept_only_on_request(inbox: Inbox) -> None:
    keeping = still_inbox(inbox.settings, webhook_keep_body_seconds=60)
    accept(keeping, 1)
    settle(begin(keeping)[0], DONE)
    key = inbox.keys.of("body", "one/1")
    assert inbox.client.get(key).endswith(arrival(1).body)
    assert 0 < inbox.client.ttl(key) <= 60
    accept(inbox, 2)
    settle(begin(inbox)[0], DONE)
    assert not inbox.client.exists(inbox.keys.of("body", "one/2"))
    check(inbox, settled=2)


def test_scripts_lost_by_the_server_come_back(inbox: Inbox) -> None:
    accept(inbox, 1)
    inbox.client.script_flush()
    accept(inbox, 2)
    inbox.client.script_flush()
    assert ids(begin(inbox)[1]) == ["1", "2"]
