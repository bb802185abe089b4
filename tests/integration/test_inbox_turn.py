"""turn.lua and renew.lua: every answer, what a batch holds, where shops and webhooks go after."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from avnu.errors import InboxUnavailable
from avnu.inbox import Inbox
from avnu.inbox.turn import Batch, Ending, Letter, Settlement, Verdict
from avnu.keys import short
from tests.support.inbox import (
    ALONE,
    BACK,
    DONE,
    FAILED,
    REJECTED,
    SUPERSEDED,
    UNHANDLED,
    accept,
    arrival,
    begin,
    check,
    counts,
    drain,
    ids,
    move_time,
    now_ms,
    parkings,
    partition,
    pass_time,
    place,
    queued,
    settle,
    still_inbox,
    trouble,
    wake_number,
    webhooks,
)

pytest_plugins = ("tests.support.inbox_fixtures",)


@pytest.fixture
def one_part(inbox: Inbox) -> Inbox:
    """All shops in one partition."""
    return still_inbox(inbox.settings, inbox_partitions=1)


def batch_of(told: Batch | Ending) -> Batch:
    assert isinstance(told, Batch), told
    return told


# ---- answers


def test_empty_clears_the_mark(inbox: Inbox) -> None:
    assert drain(inbox, p=0, wake=1).begin() is Ending.EMPTY
    accept(inbox, 1)
    holder, _ = begin(inbox)
    assert settle(holder, DONE, last=False) is Ending.EMPTY
    assert inbox.client.smembers(inbox.keys.of("work")) == set()
    check(inbox, settled=1)
    accept(inbox, 2)
    assert queued(inbox) == [(partition(inbox), 1), (partition(inbox), 2)]


def test_end_leaves_a_successor_only_while_there_is_work(inbox: Inbox) -> None:
    accept(inbox, 1, 2)
    holder, _ = begin(inbox)
    assert settle(holder, DONE, BACK) is Ending.END
    assert [wake for _, wake in queued(inbox)] == [1, 2]
    holder, batch = begin(inbox)
    assert ids(batch) == ["2"]
    assert settle(holder, DONE) is Ending.END
    assert [wake for _, wake in queued(inbox)] == [1, 2]
    check(inbox, settled=2)


def test_every_verdict(inbox: Inbox) -> None:
    refs = accept(inbox, *"DUFXBGN")
    holder, _ = begin(inbox)
    verdicts = (DONE, SUPERSEDED, FAILED, REJECTED, BACK, ALONE, UNHANDLED)
    assert settle(holder, *verdicts) is Ending.END
    check(inbox, settled=2, waiting=1, dead=1, solo=3)
    states = {ref[-1]: trouble(inbox, ref) for ref in refs}
    assert states["D"] == states["U"] == states["B"] == {}
    assert (states["F"]["fails"], states["F"]["error"]) == ("1", FAILED.reason)
    assert (states["X"]["cause"], states["X"]["error"]) == ("rejected", REJECTED.reason)
    assert "fails" not in states["G"]
    assert states["G"]["error"] == ALONE.reason
    assert int(states["N"]["due"]) - now_ms(inbox) == pytest.approx(60_000, abs=2000)
    assert inbox.client.get(inbox.keys.of("record", "one/U"))[:2] == b"=u"
    counted = counts(inbox)
    assert (
        sum(counted.pop(name) for name in list(counted) if name.startswith("lag:orders:le:")) == 2
    )
    assert 0 <= counted.pop("lag:orders:ms") < 2 * 10_000
    assert counted == {
        "accepted:orders": 7, "done:orders": 1, "superseded:orders": 1, "retries:orders": 1,
        "dead:orders:rejected": 1,
    }  # fmt: skip


def test_the_same_number_gives_the_same_batch(inbox: Inbox) -> None:
    asking = still_inbox(inbox.settings, inbox_batch=2)
    accept(asking, 1, 2, 3, 4)
    p = partition(asking)
    asking.run = lost_once(asking.run)  # type: ignore[method-assign]
    first = drain(asking, p=p)
    batch = first.begin()
    assert ids(batch) == ["1", "2"]
    batch = first.next(Settlement([DONE, DONE]), last=False, jitter=0.0)
    assert ids(batch) == ["3", "4"]
    assert counts(asking)["done:orders"] == 2
    check(asking, settled=2, leased=2)
    # An answer without a batch is not kept: the drain learns that its lease is gone.
    assert first.next(Settlement([DONE, DONE]), last=True, jitter=0.0) is Ending.LOST
    check(asking, settled=4)


def lost_once(run: Callable[..., Any]) -> Callable[..., Any]:
    """Every call has its effect, and its first answer is lost."""

    def lost(*argv: Any) -> Any:
        run(*argv)
        raise InboxUnavailable("the answer was lost")

    calls = itertools.cycle((lost, run))

    def sometimes_lost(*argv: Any) -> Any:
        return next(calls)(*argv)

    return sometimes_lost


def test_busy_while_another_holds_a_live_lease(inbox: Inbox) -> None:
    accept(inbox, 1)
    begin(inbox)
    assert drain(inbox).begin() is Ending.BUSY
    check(inbox, leased=1)


def test_lost_after_recovery_and_with_any_other_owner_token_or_number(inbox: Inbox) -> None:
    accept(inbox, 1, 2)
    p = partition(inbox)
    holder, batch = begin(inbox, owner="me")
    argv: list[str | int] = ["orders", p, "me", batch.token, 2, 1, "1", 0, "DD", 0]
    wrongs: list[tuple[int, str | int]] = [(2, "you"), (3, "999"), (4, 3)]
    for position, wrong in wrongs:
        other = list(argv)
        other[position] = wrong
        assert inbox.run("turn", *other) == [b"LOST"]
    assert inbox.run("turn", *argv[:4], 1, *argv[5:])[0] == b"BATCH", "the first turn again"
    pass_time(inbox, 20)
    assert settle(holder, DONE, DONE) is Ending.LOST
    check(inbox, solo=2)


def test_misfit_changes_nothing(inbox: Inbox) -> None:
    accept(inbox, 1, 2)
    holder, _ = begin(inbox)
    assert settle(holder, DONE) is Ending.MISFIT
    check(inbox, leased=2)


def test_paused_area_is_left_marked(inbox: Inbox) -> None:
    accept(inbox, 1)
    inbox.pause("area", "orders")
    assert drain(inbox).begin() is Ending.PAUSED
    check(inbox, waiting=1)
    inbox.resume("area", "orders")
    assert ids(begin(inbox)[1]) == ["1"]


def test_a_pause_ends_a_drain_at_its_next_turn(one_part: Inbox) -> None:
    accept(one_part, 1, shop="one")
    holder, _ = begin(one_part)
    accept(one_part, 2, shop="two")
    one_part.pause("area", "orders")
    assert settle(holder, DONE, last=False) is Ending.PAUSED
    check(one_part, settled=1, waiting=1)


# ---- wake numbers


def test_an_older_wake_up_drains_but_leaves_no_successor(inbox: Inbox) -> None:
    accept(inbox, 1, 2)
    p = partition(inbox)
    pass_time(inbox, 4)
    assert [wake for _, wake in queued(inbox)] == [1, 2], "the tick took the first for lost"
    holder, _ = begin(inbox, wake=1)
    assert settle(holder, DONE, BACK) is Ending.END
    assert len(queued(inbox)) == 2, "the newer one is still to come"
    holder, _ = begin(inbox, wake=2)
    assert settle(holder, BACK) is Ending.END
    assert [wake for _, wake in queued(inbox)] == [1, 2, 3]
    assert wake_number(inbox, p) == 3


def test_the_current_wake_up_that_finds_a_lease_hands_it_its_number(inbox: Inbox) -> None:
    accept(inbox, 1, 2)
    pass_time(inbox, 4)
    holder, _ = begin(inbox, wake=1)
    assert drain(inbox, wake=2).begin() is Ending.BUSY
    assert settle(holder, DONE, BACK) is Ending.END
    assert [wake for _, wake in queued(inbox)] == [1, 2, 3]


def test_a_doubled_wake_up_ends_at_once_and_leaves_nothing(inbox: Inbox) -> None:
    accept(inbox, 1, 2)
    holder, _ = begin(inbox, wake=1)
    assert drain(inbox, wake=1).begin() is Ending.BUSY
    settle(holder, DONE, BACK)
    again, _ = begin(inbox, wake=1)
    assert settle(again, BACK) is Ending.END
    assert [wake for _, wake in queued(inbox)] == [1, 2]


# ---- what a batch holds


def test_the_limit_of_webhooks(inbox: Inbox) -> None:
    limited = still_inbox(inbox.settings, inbox_batch=3)
    accept(limited, *range(5))
    holder, batch = begin(limited)
    assert ids(batch) == ["0", "1", "2"]
    assert ids(settle(holder, DONE, DONE, DONE, last=False)) == ["3", "4"]


def test_the_limit_of_bytes_but_at_least_one(inbox: Inbox) -> None:
    limited = still_inbox(inbox.settings, inbox_batch_bytes=2500)
    sizes = [5000, 1000, 1000, 1000, 5000]
    for n, size in enumerate(sizes):
        accept(limited, n, body=bytes([n]) * size)
    holder, batch = begin(limited)
    taken = [ids(batch)]
    while isinstance(step := settle(holder, *[DONE] * len(taken[-1]), last=False), Batch):
        taken.append(ids(step))
    assert taken == [["0"], ["1", "2"], ["3"], ["4"]]


def test_many_small_shops_share_a_turn(one_part: Inbox) -> None:
    limited = still_inbox(one_part.settings, inbox_turn_shops=3, inbox_batch=10)
    for shop in "abcde":
        accept(limited, 1, 2, shop=shop)
    holder, batch = begin(limited, "a")
    assert webhooks(batch) == [(shop, n) for shop in "abc" for n in "12"]
    batch = batch_of(settle(holder, *[DONE] * 6, last=False))
    assert {short(shop): len(some) for shop, some in batch.by_shop()} == {"d": 2, "e": 2}
    settle(holder, *[DONE] * 4)
    check(limited, settled=10)


def test_shops_take_turns(one_part: Inbox) -> None:
    """A flood of one shop delays the others by one turn."""
    limited = still_inbox(one_part.settings, inbox_batch=2)
    accept(limited, *range(10), shop="flood")
    accept(limited, "x", shop="small")
    holder, batch = begin(limited)
    assert webhooks(batch) == [("flood", "0"), ("flood", "1")]
    batch = batch_of(settle(holder, DONE, DONE, last=False))
    assert webhooks(batch) == [("small", "x"), ("flood", "2")]


def test_a_large_body_is_not_passed_for_ever(one_part: Inbox) -> None:
    """Its shop keeps its turn when the batch has no room for it."""
    limited = still_inbox(one_part.settings, inbox_batch_bytes=4000)
    for n in range(4):
        accept(limited, n, shop="flood", body=bytes([n]) * 3000)
    accept(limited, "x", shop="large", body=b"x" * 3000)
    holder, batch = begin(limited)
    assert webhooks(batch) == [("flood", "0")]
    batch = batch_of(settle(holder, DONE, last=False))
    assert webhooks(batch) == [("large", "x")]
    check(limited, settled=1, leased=1, waiting=3)


def test_shops_the_slice_did_not_reach_come_first_in_the_next(one_part: Inbox) -> None:
    """Else one shop whose handler outlasts the slice would be the only one that is served."""
    limited = still_inbox(one_part.settings, inbox_batch=4)
    accept(limited, *range(9), shop="flood")
    holder, batch = begin(limited)
    settle(holder, *[BACK] * 4)
    accept(limited, "x", shop="b")
    accept(limited, "y", shop="c")
    limited = still_inbox(one_part.settings, inbox_batch=11)
    holder, batch = begin(limited)
    assert webhooks(batch)[-2:] == [("b", "x"), ("c", "y")]
    assert settle(holder, *[DONE] * 9, BACK, BACK) is Ending.END
    accept(limited, *range(9, 12), shop="flood")
    assert webhooks(begin(limited)[1])[:2] == [("b", "x"), ("c", "y")]


def test_a_shop_that_leaves_everything_does_not_stay_first(one_part: Inbox) -> None:
    accept(one_part, 1, shop="leaves")
    accept(one_part, 2, shop="other")
    holder, batch = begin(one_part)
    assert webhooks(batch) == [("leaves", "1"), ("other", "2")]
    settle(holder, BACK, BACK)
    assert webhooks(begin(one_part)[1]) == [("other", "2"), ("leaves", "1")]


def test_what_is_left_returns_to_the_front_in_order(inbox: Inbox) -> None:
    accept(inbox, *range(5))
    holder, _ = begin(inbox)
    accept(inbox, 5)
    assert ids(settle(holder, DONE, BACK, FAILED, BACK, BACK, last=False)) == ["1", "3", "4", "5"]


def test_a_webhook_without_its_record_is_counted_and_passed(inbox: Inbox) -> None:
    """Cannot happen; if it does, the auditor says so and nobody stands still."""
    accept(inbox, 1, 2)
    inbox.client.delete(inbox.keys.of("record", "one/1"))
    assert ids(begin(inbox)[1]) == ["2"]
    assert counts(inbox)["vanished:orders"] == 1


def test_a_batch_tells_how_many_partitions_are_busy(inbox: Inbox) -> None:
    shops = {partition(inbox, f"shop{n}"): f"shop{n}" for n in range(100)}
    for shop in shops.values():
        accept(inbox, 1, shop=shop)
    busy = []
    for shop in shops.values():
        holder, batch = begin(inbox, shop)
        busy.append(batch.busy)
        settle(holder, DONE)
    assert busy == [4, 3, 2, 1]


# ---- parking


def test_a_parked_shop_waits_and_its_webhooks_with_it(inbox: Inbox) -> None:
    accept(inbox, 1, 2)
    holder, _ = begin(inbox)
    assert settle(holder, DONE, BACK, park=parkings("one"), last=False) is Ending.EMPTY
    assert place(inbox)[0] == "p"
    accept(inbox, 3)
    check(inbox, settled=1, waiting=2)
    assert drain(inbox).begin() is Ending.EMPTY
    pass_time(inbox, 6)
    assert ids(begin(inbox)[1]) == ["2", "3"]


def test_the_wait_doubles_to_its_longest_and_starts_anew_after_service(inbox: Inbox) -> None:
    accept(inbox, 1, 2)
    waits = [park_and_measure(inbox, BACK, BACK) for _ in range(8)]
    assert waits == pytest.approx([5, 10, 20, 40, 80, 160, 300, 300], abs=0.5)
    assert park_and_measure(inbox, DONE, BACK) == pytest.approx(5, abs=0.5)
    assert park_and_measure(inbox, BACK, wait_ms=1234) == pytest.approx(1.234, abs=0.5)


def park_and_measure(inbox: Inbox, *verdicts: Verdict, wait_ms: int = 0) -> float:
    """Seconds until the shop is to be unparked; it is, afterwards."""
    holder, _ = begin(inbox)
    settle(holder, *verdicts, park=parkings("one", wait_ms=wait_ms))
    due = inbox.client.zscore(inbox.keys.of("parked"), "orders/one")
    wait_s = (float(due or 0) - now_ms(inbox)) / 1000
    pass_time(inbox, wait_s + 1)
    check_ready(inbox)
    return wait_s


def check_ready(inbox: Inbox) -> None:
    assert place(inbox)[0] == "r"


def test_one_of_several_shops_parks(one_part: Inbox) -> None:
    for shop in "abc":
        accept(one_part, 1, shop=shop)
    holder, _ = begin(one_part)
    settle(holder, DONE, BACK, BACK, park=parkings("b"))
    assert [place(one_part, shop)[:1] for shop in "abc"] == ["", "p", "r"]
    check(one_part, settled=1, waiting=2)


# ---- leases


def test_a_renewed_lease_outlives_its_term(inbox: Inbox) -> None:
    accept(inbox, 1)
    part = f"orders/{partition(inbox)}"
    holder, batch = begin(inbox, owner="me")
    for _ in range(6):
        pass_time(inbox, 10)
        assert inbox.renew("part", part, "me", batch.token) is True
    assert inbox.renew("part", part, "you", batch.token) is False
    assert inbox.renew("part", part, "me", "999") is False
    assert settle(holder, DONE) is Ending.END
    assert inbox.renew("part", part, "me", batch.token) is False
    check(inbox, settled=1)


def test_begin_recovers_an_ended_lease(inbox: Inbox) -> None:
    limited = still_inbox(inbox.settings, inbox_batch=1)
    accept(limited, 1, 2)
    begin(limited)
    pass_time(limited, 12)
    move_time(limited, 4)
    _, batch = begin(limited)
    assert ids(batch) == ["2"]
    assert trouble(limited, "one/1")["crashed"] == "1"
    check(limited, leased=1, solo=1)


def test_begin_after_an_outage_recovers_nothing(inbox: Inbox) -> None:
    accept(inbox, 1)
    holder, _ = begin(inbox)
    inbox.tick()
    move_time(inbox, 3600)
    assert drain(inbox).begin() is Ending.BUSY
    assert settle(holder, DONE) is Ending.END
    check(inbox, settled=1)


def test_change_of_partitions(inbox: Inbox) -> None:
    """A shop keeps its partition until it is idle; old and new numbers work side by side."""
    shops = [f"shop{n}" for n in range(8)]
    other = still_inbox(inbox.settings, inbox_partitions=7)
    for shop in shops:
        accept(inbox, 1, shop=shop)
        accept(other, 2, shop=shop)
        assert place(inbox, shop) == f"r{partition(inbox, shop)}"
    for p in range(inbox.settings.inbox_partitions):
        holder = drain(other, p=p)
        while isinstance(batch := holder.begin(), Batch):
            settle(holder, *[DONE] * len(batch.webhooks))
            holder = drain(other, p=p)
    check(other, settled=16)
    for shop in shops:
        accept(other, 3, shop=shop)
        assert place(other, shop) == f"r{partition(other, shop)}"
    check(inbox, settled=16, waiting=8)


def test_letters_are_those_of_the_script() -> None:
    assert {letter.value for letter in Letter} == set("DUFXBGN")


def test_arrivals_join_a_leased_shop(inbox: Inbox) -> None:
    accept(inbox, 1)
    holder, _ = begin(inbox)
    inbox.accept([arrival(2)])
    assert place(inbox)[0] == "l"
    assert ids(settle(holder, DONE, last=False)) == ["2"]
