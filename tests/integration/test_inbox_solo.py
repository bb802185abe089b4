"""solo_claim.lua, solo_settle.lua: a webhook alone, its retries, its parking, its lease."""

import pytest

from avnu.errors import InboxUnavailable
from avnu.inbox import Inbox
from avnu.inbox.solo import Refusal
from avnu.inbox.turn import Ending, Parking, Verdict
from tests.support.inbox import (
    BACK,
    DONE,
    FAILED,
    REJECTED,
    UNHANDLED,
    accept,
    begin,
    check,
    claim,
    counts,
    domain,
    drain,
    now_ms,
    parkings,
    pass_time,
    place,
    send_alone,
    settle,
    still_inbox,
    trouble,
)

pytest_plugins = ("tests.support.inbox_fixtures",)

SHOP = domain("one")


def finish(
    inbox: Inbox,
    webhook_id: object,
    verdict: Verdict,
    parking: Parking | None = None,
    jitter: float = 0.0,
) -> bool:
    return inbox.settle(claim(inbox, webhook_id), verdict, parking, jitter)


def due_in_s(inbox: Inbox, webhook_id: object) -> float:
    return (int(trouble(inbox, f"one/{webhook_id}")["due"]) - now_ms(inbox)) / 1000


# ---- claim


def test_run_gives_the_webhook_and_its_past(inbox: Inbox) -> None:
    send_alone(inbox, 1)
    got = claim(inbox, 1, owner="me")
    assert (got.webhook.shop, got.webhook.webhook_id) == (SHOP, "1")
    assert (got.failed_runs, got.suspect) == (0, False)
    check(inbox, running=1)
    assert claim(inbox, 1, owner="me") == got, "asked again after a lost answer"
    assert inbox.claim(SHOP, "1", "you") is Refusal.GONE


def test_gone_when_there_is_nothing_to_run(inbox: Inbox) -> None:
    accept(inbox, "waiting")
    assert inbox.claim(SHOP, "waiting", "me") is Refusal.GONE
    assert inbox.claim(SHOP, "unknown", "me") is Refusal.GONE
    settle(begin(inbox)[0], DONE)
    assert inbox.claim(SHOP, "waiting", "me") is Refusal.GONE
    send_alone(inbox, "dies")
    finish(inbox, "dies", REJECTED)
    assert inbox.claim(SHOP, "dies", "me") is Refusal.GONE
    check(inbox, settled=1, dead=1)


def test_early_parked_and_paused_leave_it_due(inbox: Inbox) -> None:
    send_alone(inbox, 1)
    finish(inbox, 1, FAILED)
    assert inbox.claim(SHOP, "1", "me") is Refusal.EARLY
    pass_time(inbox, 6)
    for kind, name in (("area", "orders"), ("topic", "orders/create"), ("shop", "one")):
        inbox.pause(kind, name)
        assert inbox.claim(SHOP, "1", "me") is Refusal.PAUSED
        inbox.resume(kind, name)
    accept(inbox, 2)
    settle(begin(inbox)[0], BACK, park=parkings("one"))
    assert inbox.claim(SHOP, "1", "me") is Refusal.PARKED
    check(inbox, solo=1, waiting=1)
    inbox.unpark(SHOP)
    claim(inbox, 1)


def test_a_task_that_finds_its_shop_parked_comes_again_when_that_ends(inbox: Inbox) -> None:
    """Not when it would be repeated in case it was lost, which is 8 s later the third time."""
    send_alone(inbox, 1)
    assert [one.webhook_id for one in pass_time(inbox, 8, 1)] == ["1"] * 3
    accept(inbox, 2)
    settle(begin(inbox)[0], BACK, park=parkings("one", wait_ms=2000))
    assert inbox.claim(SHOP, "1", "me") is Refusal.PARKED
    assert [one.webhook_id for one in pass_time(inbox, 4, 1)] == ["1"]
    claim(inbox, 1)


def test_busy_while_another_suspect_runs(inbox: Inbox) -> None:
    send_alone(inbox, 1, 2)
    make_suspects(inbox, 1, 2)
    first = claim(inbox, 1)
    assert first.suspect
    assert inbox.claim(SHOP, "2", "me") is Refusal.BUSY
    send_alone(inbox, 3)
    claim(inbox, 3)
    assert inbox.settle(first, DONE, None, 0.0)
    claim(inbox, 2)


def make_suspects(inbox: Inbox, *webhook_ids: object) -> None:
    for one in webhook_ids:
        inbox.client.hset(inbox.keys.of("trouble", f"one/{one}"), "suspect", 1)
    for one in webhook_ids:
        inbox.client.zrem(inbox.keys.of("solo"), f"one/{one}")
        inbox.client.zadd(inbox.keys.of("suspects"), {f"one/{one}": 0})


# ---- settle


def test_done_leaves_only_the_record(inbox: Inbox) -> None:
    send_alone(inbox, 1)
    assert finish(inbox, 1, DONE)
    assert trouble(inbox, "one/1") == {}
    check(inbox, settled=1)


def test_rejected_is_dead_with_its_reason(inbox: Inbox) -> None:
    send_alone(inbox, 1)
    assert finish(inbox, 1, REJECTED)
    found = trouble(inbox, "one/1")
    assert (found["state"], found["cause"]) == ("dead", "rejected")
    assert found["error"] == REJECTED.reason
    check(inbox, dead=1)


def test_put_back_spends_nothing(inbox: Inbox) -> None:
    send_alone(inbox, 1)
    for _ in range(10):
        assert finish(inbox, 1, BACK)
        assert due_in_s(inbox, 1) == pytest.approx(5, abs=0.5)
        pass_time(inbox, 6)
    assert claim(inbox, 1).failed_runs == 0


def test_lost_when_settled_twice_or_by_another(inbox: Inbox) -> None:
    send_alone(inbox, 1)
    first = claim(inbox, 1)
    pass_time(inbox, 20)
    second = claim(inbox, 1)
    assert inbox.settle(first, DONE, None, 0.0) is False
    check(inbox, running=1)
    assert inbox.settle(second, DONE, None, 0.0) is True
    assert inbox.settle(second, DONE, None, 0.0) is False
    check(inbox, settled=1)


def test_a_lost_answer_is_asked_for_again(inbox: Inbox) -> None:
    """Else the claim would end as a crash that never was, and kill an innocent as poison."""
    send_alone(inbox, 1, 2)
    honest = inbox.scripts.run
    unlucky = iter([True, False] * 10)

    def run(client, name, *argv):  # type: ignore[no-untyped-def]
        reply = honest(client, name, *argv)
        if next(unlucky):
            raise InboxUnavailable("the answer was lost")
        return reply

    inbox.scripts.run = run  # type: ignore[method-assign]
    got = claim(inbox, 1)
    assert inbox.settle(got, DONE, None, 0.0) is False, "it cannot know that it was its own"
    inbox.scripts.run = honest  # type: ignore[method-assign]
    check(inbox, settled=1, solo=1)


# ---- retry


@pytest.mark.parametrize("attempts", [1, 2, 3, 5])
def test_attempts_count_failed_runs_in_total(inbox: Inbox, attempts: int) -> None:
    """The first run counts, in a batch of one or alone; the delay doubles from the first."""
    strict = still_inbox(inbox.settings, queue_attempts=attempts, queue_backoff_delay=1000)
    accept(strict, 1)
    holder, _ = begin(strict)
    settle(holder, FAILED)
    for run in range(1, attempts):
        delay_s = 2 ** (run - 1)
        assert due_in_s(strict, 1) == pytest.approx(delay_s, abs=0.3)
        pass_time(strict, delay_s + 0.5)
        assert claim(strict, 1).failed_runs == run
        retry(strict)
    check(strict, dead=1)
    assert trouble(strict, "one/1")["cause"] == "attempts"
    assert counts(strict).get("retries:orders", 0) == attempts - 1


def retry(inbox: Inbox) -> None:
    """The run in progress fails."""
    got = inbox.client.hmget(inbox.keys.of("trouble", "one/1"), "owner", "token")
    again = claim(inbox, 1, owner=(got[0] or b"").decode())
    assert inbox.settle(again, FAILED, None, 0.0)


@pytest.mark.parametrize(("jitter", "delay_s"), [(-0.2, 4.0), (0.0, 5.0), (0.2, 6.0)])
def test_jitter_spreads_the_delay(inbox: Inbox, jitter: float, delay_s: float) -> None:
    accept(inbox, 1)
    settle(begin(inbox)[0], FAILED, jitter=jitter)
    assert due_in_s(inbox, 1) == pytest.approx(delay_s, abs=0.3)


def test_unhandled_is_asked_each_minute_for_an_hour(inbox: Inbox) -> None:
    accept(inbox, 1)
    settle(begin(inbox)[0], UNHANDLED)
    asked = 1
    while trouble(inbox, "one/1")["state"] == "solo":
        assert due_in_s(inbox, 1) == pytest.approx(60, abs=0.5)
        pass_time(inbox, 61)
        assert finish(inbox, 1, UNHANDLED)
        asked += 1
    assert asked == 61
    assert trouble(inbox, "one/1")["cause"] == "unhandled"
    check(inbox, dead=1)


def test_unhandled_does_not_count_an_outage(inbox: Inbox) -> None:
    send_alone(inbox, 1)
    finish(inbox, 1, UNHANDLED)
    pass_time(inbox, 7200, step_s=7200)
    finish(inbox, 1, UNHANDLED)
    check(inbox, solo=1)


# ---- park


def test_parking_alone_parks_an_idle_shop(inbox: Inbox) -> None:
    send_alone(inbox, 1)
    finish(inbox, 1, BACK, Parking("frozen"))
    assert place(inbox)[0] == "p"
    accept(inbox, 2)
    assert drain(inbox).begin() is Ending.EMPTY
    pass_time(inbox, 6)
    claim(inbox, 1)
    begin(inbox)


def test_parking_alone_takes_a_ready_shop_from_its_list(inbox: Inbox) -> None:
    send_alone(inbox, 1)
    accept(inbox, 2)
    finish(inbox, 1, BACK, Parking("budget", 7000))
    assert place(inbox)[0] == "p"
    check(inbox, solo=1, waiting=1)
    assert drain(inbox).begin() is Ending.EMPTY
    assert due_in_s(inbox, 1) == pytest.approx(7, abs=0.5)
    pass_time(inbox, 8)
    check(inbox, solo=1, waiting=1)
    begin(inbox)


def test_parking_alone_leaves_a_drain_a_note(inbox: Inbox) -> None:
    send_alone(inbox, 1)
    accept(inbox, 2, 3)
    holder, _ = begin(inbox)
    finish(inbox, 1, BACK, Parking("budget", 60_000))
    assert place(inbox)[0] == "n"
    check(inbox, solo=1, leased=2)
    assert settle(holder, DONE, BACK, last=False) is Ending.EMPTY
    assert place(inbox)[0] == "p"
    check(inbox, solo=1, waiting=1, settled=1)
    till = inbox.client.zscore(inbox.keys.of("parked"), "orders/one")
    assert float(till or 0) - now_ms(inbox) == pytest.approx(60_000, abs=2000)


def test_a_note_survives_a_crash_and_an_unpark_removes_it(inbox: Inbox) -> None:
    send_alone(inbox, 1)
    accept(inbox, 2)
    begin(inbox)
    finish(inbox, 1, BACK, Parking("budget", 60_000))
    pass_time(inbox, 20)
    assert place(inbox)[0] == "p"
    check(inbox, solo=2)
    inbox.unpark(SHOP)
    accept(inbox, 3)
    holder, _ = begin(inbox)
    finish(inbox, 2, BACK, Parking("budget", 60_000))
    assert place(inbox)[0] == "n"
    assert inbox.unpark(SHOP) == 1
    settle(holder, BACK)
    assert place(inbox)[0] == "r"
    check(inbox, solo=2, waiting=1)


def test_parking_of_a_parked_or_stopped_shop_changes_nothing(inbox: Inbox) -> None:
    send_alone(inbox, 1, 2)
    first, second = claim(inbox, 1), claim(inbox, 2)
    inbox.settle(first, BACK, Parking("budget", 50_000), 0.0)
    inbox.settle(second, BACK, Parking("budget", 90_000), 0.0)
    till = inbox.client.zscore(inbox.keys.of("parked"), "orders/one")
    assert float(till or 0) - now_ms(inbox) == pytest.approx(50_000, abs=2000)
    check(inbox, solo=2)


def test_parking_under_a_pause(inbox: Inbox) -> None:
    send_alone(inbox, 1)
    accept(inbox, 2)
    got = claim(inbox, 1)
    inbox.pause("shop", "one")
    assert drain(inbox).begin() is Ending.EMPTY
    assert place(inbox)[0] == "s"
    inbox.settle(got, BACK, Parking("budget", 50_000), 0.0)
    check(inbox, solo=1, waiting=1)
    inbox.resume("shop", "one")
    begin(inbox)


def test_unparked_early_its_webhooks_do_not_sleep_on(inbox: Inbox) -> None:
    """The wait that a run named was the shop's, and the shop may be unparked by then."""
    send_alone(inbox, 1)
    finish(inbox, 1, BACK, Parking("frozen", 3_600_000))
    pass_time(inbox, 60)
    assert inbox.claim(SHOP, "1", "me") is Refusal.PARKED
    inbox.unpark(SHOP)
    due = pass_time(inbox, 34)
    assert {one.webhook_id for one in due} == {"1"}
    claim(inbox, 1)


def test_an_idle_shops_webhook_doubles_its_own_wait(inbox: Inbox) -> None:
    send_alone(inbox, 1)
    waits = []
    for _ in range(8):
        finish(inbox, 1, BACK, Parking("budget"))
        till = float(inbox.client.zscore(inbox.keys.of("parked"), "orders/one") or 0)
        waits.append((till - now_ms(inbox)) / 1000)
        pass_time(inbox, waits[-1] + 1)
    assert waits == pytest.approx([5, 10, 20, 40, 80, 160, 300, 300], abs=0.5)


def test_renewing_a_lone_run(inbox: Inbox) -> None:
    send_alone(inbox, 1)
    got = claim(inbox, 1)
    for _ in range(5):
        pass_time(inbox, 10)
        assert inbox.renew("solo", "one/1", got.owner, got.token)
    assert not inbox.renew("solo", "one/1", "you", got.token)
    assert not inbox.renew("solo", "one/1", got.owner, "999")
    assert inbox.settle(got, DONE, None, 0.0)
    assert not inbox.renew("solo", "one/1", got.owner, got.token)
    check(inbox, settled=1)


def test_a_webhook_that_waits_alone_leaves_its_shop_going(inbox: Inbox) -> None:
    send_alone(inbox, 1)
    accept(inbox, 2)
    waits = []
    for _ in range(8):
        finish(inbox, 1, BACK, Parking(""))
        assert place(inbox)[0] == "r", "what is behind it goes on"
        waits.append(due_in_s(inbox, 1))
        pass_time(inbox, waits[-1] + 1)
    assert waits == pytest.approx([5, 10, 20, 40, 80, 160, 300, 300], abs=0.5)
    check(inbox, solo=1, waiting=1)


def test_a_webhook_that_waits_alone_is_dead_after_a_day(inbox: Inbox) -> None:
    few = still_inbox(inbox.settings, park_max_seconds=60)
    send_alone(few, 1)
    for _ in range(4):  # 5 + 10 + 20 + 40 s
        finish(few, 1, BACK, Parking(""))
        pass_time(few, due_in_s(few, 1) + 1)
    finish(few, 1, BACK, Parking(""))
    assert trouble(few, "one/1")["cause"] == "unavailable"
    check(few, dead=1)
