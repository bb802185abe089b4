"""Leases that end without an answer: alone, suspected, poison; and what proves no crash."""

import pytest

from avnu.inbox import Inbox
from avnu.inbox.solo import Refusal
from avnu.inbox.turn import Ending
from tests.support.inbox import (
    DONE,
    FAILED,
    accept,
    begin,
    check,
    claim,
    counts,
    domain,
    drain,
    move_time,
    now_ms,
    partition,
    pass_time,
    place,
    queued,
    send_alone,
    settle,
    trouble,
)

pytest_plugins = ("tests.support.inbox_fixtures",)

SHOP = domain("one")


def crash_alone(inbox: Inbox, webhook_id: object) -> None:
    """Its next run takes its process along."""
    claim(inbox, webhook_id)
    pass_time(inbox, 20)


def test_a_crashed_batch_goes_solo_and_its_shop_goes_on(inbox: Inbox) -> None:
    accept(inbox, 1, 2)
    begin(inbox)
    accept(inbox, 3)
    before = len(queued(inbox))
    pass_time(inbox, 20)
    check(inbox, solo=2, waiting=1)
    assert place(inbox)[0] == "r"
    assert len(queued(inbox)) > before, "recovery that leaves work wakes"
    for one in ("one/1", "one/2"):
        assert trouble(inbox, one)["crashed"] == "1"
        assert "suspect" not in trouble(inbox, one)


def test_a_crash_that_leaves_no_work_clears_the_mark(inbox: Inbox) -> None:
    accept(inbox, 1)
    begin(inbox)
    pass_time(inbox, 20)
    assert place(inbox) == ""
    assert not inbox.client.sismember(inbox.keys.of("work"), f"orders/{partition(inbox)}")
    check(inbox, solo=1)


def test_within_a_second_of_the_leases_end_it_is_due(inbox: Inbox) -> None:
    accept(inbox, 1)
    begin(inbox)
    assert pass_time(inbox, 14.5, step_s=0.5) == []
    due = pass_time(inbox, 2, step_s=0.5)
    assert [(one.shop, one.webhook_id, one.topic) for one in due] == [(SHOP, "1", "orders/create")]


def test_batch_then_solo_then_suspect_then_poison(inbox: Inbox) -> None:
    accept(inbox, 1)
    begin(inbox)
    pass_time(inbox, 20)
    seen = [trouble(inbox, "one/1")]
    while seen[-1]["state"] != "dead":
        crash_alone(inbox, 1)
        seen.append(trouble(inbox, "one/1"))
    stages = [(s.get("crashed"), s.get("suspect"), s.get("lone")) for s in seen]
    assert stages == [
        ("1", None, None), ("1", "1", None), ("1", "1", "1"), ("1", "1", "2"), ("1", "1", "3"),
    ]  # fmt: skip
    assert seen[-1]["cause"] == "poison"
    assert "fails" not in seen[-1]
    check(inbox, dead=1)
    assert not inbox.client.exists(inbox.keys.of("suspect"))


def test_three_reboots_in_a_minute_kill_nothing(inbox: Inbox) -> None:
    """Everything that runs crashes three times, each time with ticks in between."""
    accept(inbox, *range(10))
    begin(inbox)
    pass_time(inbox, 20)
    for _ in range(2):
        for n in range(10):
            inbox.claim(SHOP, str(n), f"owner-{n}")
        pass_time(inbox, 20)
    assert "dead:orders:poison" not in counts(inbox)
    check(inbox, solo=10)


def test_innocents_beside_poison_are_settled(inbox: Inbox) -> None:
    """What shared its batch runs alone; what crashed twice runs with nothing beside it."""
    accept(inbox, "bad", *range(5))
    begin(inbox)
    pass_time(inbox, 20)
    for n in range(5):
        inbox.claim(SHOP, str(n), f"owner-{n}")
    crash_alone(inbox, "bad")
    assert trouble(inbox, "one/3")["suspect"] == "1", "the reboot took them all along"
    rounds = 0
    while inbox.client.zcard(inbox.keys.of("suspects")):
        rounds += 1
        assert rounds < 100
        published = pass_time(inbox, 2)
        assert len(published) <= 1, "suspects are published one at a time"
        for one in published:
            got = claim(inbox, one.webhook_id)
            assert inbox.claim(SHOP, "bad" if one.webhook_id != "bad" else "1", "x") in (
                Refusal.BUSY, Refusal.GONE, Refusal.EARLY,
            )  # fmt: skip
            if one.webhook_id == "bad":
                pass_time(inbox, 20)
            else:
                assert inbox.settle(got, DONE, None, 0.0)
    check(inbox, settled=5, dead=1)
    assert trouble(inbox, "one/bad")["cause"] == "poison"


def test_failed_runs_and_crashes_are_counted_apart(inbox: Inbox) -> None:
    send_alone(inbox, 1)
    for _ in range(3):
        crash_alone(inbox, 1)
    assert trouble(inbox, "one/1")["lone"] == "1"
    got = claim(inbox, 1)
    assert got.suspect
    assert got.failed_runs == 0
    inbox.settle(got, FAILED, None, 0.0)
    assert trouble(inbox, "one/1")["state"] == "solo"
    assert inbox.client.zcard(inbox.keys.of("suspects")) == 1, "a suspect stays one"


# ---- what proves no crash


@pytest.mark.parametrize("outage_s", [6, 60, 3600])
def test_an_outage_gives_fresh_terms_and_counts_nothing(inbox: Inbox, outage_s: int) -> None:
    accept(inbox, 1)
    holder, _ = begin(inbox)
    send_alone(inbox, 2, shop="two")
    alone = claim(inbox, 2, shop="two")
    pass_time(inbox, 12)
    for _ in range(3):
        move_time(inbox, outage_s)
        assert drain(inbox).begin() is Ending.BUSY, "begin does not recover it either"
        assert inbox.tick().recovered == 0
    pass_time(inbox, 13)
    assert settle(holder, DONE) is Ending.END
    assert inbox.settle(alone, DONE, None, 0.0)
    check(inbox, settled=2)


def test_after_an_outage_the_fresh_term_ends_too(inbox: Inbox) -> None:
    accept(inbox, 1)
    begin(inbox)
    inbox.tick()
    move_time(inbox, 3600)
    assert inbox.tick().recovered == 0
    pass_time(inbox, 20)
    check(inbox, solo=1)


def test_without_an_outage_five_seconds_are_no_gap(inbox: Inbox) -> None:
    accept(inbox, 1)
    begin(inbox)
    for _ in range(4):
        move_time(inbox, 4.9)
        inbox.tick()
    check(inbox, solo=1)


def test_a_backward_step_of_the_clock_freezes_nothing(inbox: Inbox) -> None:
    send_alone(inbox, 1)
    got = claim(inbox, 1)
    inbox.settle(got, FAILED, None, 0.0)
    before = now_ms(inbox)
    inbox.tick()
    move_time(inbox, -3600)
    pass_time(inbox, 0.1)
    assert now_ms(inbox) == pytest.approx(before, abs=2000)
    due = pass_time(inbox, 7)
    assert [one.webhook_id for one in due] == ["1"]


def test_a_lease_given_during_a_backward_step_lives_its_term(inbox: Inbox) -> None:
    """Between the step and the tick that absorbs it: the drain is alive, and loses nothing."""
    accept(inbox, 1)
    send_alone(inbox, 2, shop="two")
    inbox.tick()
    move_time(inbox, -3600)
    holder, _ = begin(inbox)
    alone = claim(inbox, 2, shop="two")
    assert inbox.tick().recovered == 0
    assert pass_time(inbox, 12) == []
    assert settle(holder, DONE) is Ending.END
    assert inbox.settle(alone, DONE, None, 0.0)
    check(inbox, settled=2)


def test_a_forward_jump_loses_no_lease(inbox: Inbox) -> None:
    accept(inbox, 1)
    holder, _ = begin(inbox)
    inbox.tick()
    move_time(inbox, 3600)
    inbox.tick()
    move_time(inbox, -3600)
    inbox.tick()
    assert settle(holder, DONE) is Ending.END
    check(inbox, settled=1)
