"""Eight processes do the same thing at the same instant: one wins, and the accounts add up."""

import multiprocessing
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from avnu.inbox import Inbox
from avnu.inbox.audit import audit
from avnu.settings import Settings
from tests.support import races
from tests.support.inbox import (
    BACK,
    DONE,
    REJECTED,
    accept,
    begin,
    check,
    claim,
    move_time,
    open_inbox,
    partition,
    pass_time,
    send_alone,
    settle,
    trouble,
)

pytestmark = pytest.mark.timeout(240)

# What the doors, the drains and the lone runs can be told.
ANSWERS = {
    "accepted", "duplicate", "BATCH", "EMPTY", "END", "LOST", "BUSY", "PAUSED", "RUN", "GONE",
    "EARLY", "settled", "lost alone",
}  # fmt: skip
RACERS = 8
ROUNDS = 20


class Racers:
    """Eight processes with their own connections, started together in every round."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._barrier = context.Barrier(RACERS)
        self._pool = context.Pool(RACERS, races.ready, (self._barrier,))

    def race(self, inbox: Inbox, action: str, rounds: Sequence[Sequence[Any]]) -> list[list[Any]]:
        """Run the rounds; what the eight were answered in each."""
        environ = inbox.settings.to_environ()
        tasks = [(environ, me, action, rounds) for me in range(RACERS)]
        told = self._pool.starmap(races.race, tasks, chunksize=1)
        return [list(answers) for answers in zip(*told, strict=True)]

    def end(self) -> None:
        self._pool.terminate()
        self._pool.join()


@pytest.fixture(scope="module")
def racers() -> Iterator[Racers]:
    started = Racers()
    yield started
    started.end()


@pytest.fixture
def inbox(settings: Settings) -> Iterator[Inbox]:
    opened = open_inbox(settings, inbox_partitions=1024)
    yield opened
    opened.client.close()


def shops_apart(inbox: Inbox) -> dict[int, str]:
    """A partition and a shop in it for every round."""
    found: dict[int, str] = {}
    n = 0
    while len(found) < ROUNDS:
        found.setdefault(partition(inbox, f"shop{n}"), f"shop{n}")
        n += 1
    return found


def test_one_partition_one_begin(inbox: Inbox, racers: Racers) -> None:
    shops = shops_apart(inbox)
    for shop in shops.values():
        accept(inbox, 1, 2, shop=shop)
    for answers in racers.race(inbox, "begin", [(p,) for p in shops]):
        assert Counter(answers) == {"BATCH": 1, "BUSY": RACERS - 1}
    check(inbox, leased=2 * ROUNDS)


@pytest.mark.parametrize("last", ["0", "1"])
def test_one_settle_of_a_turn(inbox: Inbox, racers: Racers, last: str) -> None:
    """The same turn by everybody: it is settled once; who asks again is given the next batch."""
    narrow = open_inbox(inbox.settings, inbox_batch=1)
    rounds = []
    for p, shop in shops_apart(inbox).items():
        accept(inbox, 1, 2, shop=shop)
        _, batch = begin(narrow, shop, owner="holder")
        rounds.append((p, batch.token, last))
    for answers in racers.race(inbox, "same_turn", rounds):
        expected = {"BATCH": RACERS} if last == "0" else {"END": 1, "LOST": RACERS - 1}
        assert Counter(answers) == expected
    after = {"leased": ROUNDS} if last == "0" else {"waiting": ROUNDS}
    check(inbox, settled=ROUNDS, **after)


def test_one_webhook_id(inbox: Inbox, racers: Racers) -> None:
    for answers in racers.race(inbox, "deliver", [(str(n),) for n in range(ROUNDS)]):
        assert Counter(answers) == {"accepted": 1, "duplicate": RACERS - 1}
    check(inbox, waiting=ROUNDS)


def test_the_same_bytes_for_eight_shops(inbox: Inbox, racers: Racers) -> None:
    rounds = [(f"body{n:03}", "id", "shop{me}") for n in range(ROUNDS)]
    for answers in racers.race(inbox, "deliver_same_bytes", rounds):
        assert Counter(answers) == {"accepted": 1, "suspect": RACERS - 1}
    check(inbox, waiting=ROUNDS, dead=(RACERS - 1) * ROUNDS)


def test_the_same_bytes_again_and_again(inbox: Inbox, racers: Racers) -> None:
    rounds = [("the body", time, "one") for time in ("first", "second", "third")]
    told = [Counter(answers) for answers in racers.race(inbox, "deliver_same_bytes", rounds)]
    assert told == [
        {"accepted": RACERS}, {"accepted": 10 - RACERS, "replayed": 6}, {"replayed": RACERS},
    ]  # fmt: skip
    check(inbox, waiting=10)


def test_one_claim(inbox: Inbox, racers: Racers) -> None:
    send_alone(inbox, *range(ROUNDS))
    for answers in racers.race(inbox, "claim", [(str(n),) for n in range(ROUNDS)]):
        assert Counter(answers) == {"RUN": 1, "GONE": RACERS - 1}
    check(inbox, running=ROUNDS)


def test_one_suspect_of_many(inbox: Inbox, racers: Racers) -> None:
    suspects = [str(n) for n in range(RACERS)]
    send_alone(inbox, *suspects)
    for _ in range(2):
        for one in suspects:
            inbox.claim("one", one, "dies")
            pass_time(inbox, 0.1)
        pass_time(inbox, 20)
    assert inbox.client.zcard(inbox.keys.of("suspects")) == RACERS
    [answers] = racers.race(inbox, "claim", [("{me}",)])
    assert Counter(answers) == {"RUN": 1, "BUSY": RACERS - 1}
    check(inbox, running=1, solo=RACERS - 1)


@pytest.mark.parametrize("letter", ["D", "F", "X", "B"])
def test_one_settle_alone(inbox: Inbox, racers: Racers, letter: str) -> None:
    send_alone(inbox, *range(ROUNDS))
    rounds = [(str(n), claim(inbox, n, owner="holder").token, letter) for n in range(ROUNDS)]
    for answers in racers.race(inbox, "settle_alone", rounds):
        assert Counter(answers) == {"OK": 1, "LOST": RACERS - 1}
    place = {"D": "settled", "F": "solo", "X": "dead", "B": "solo"}[letter]
    check(inbox, **{place: ROUNDS})


def test_recovered_or_settled_never_both(inbox: Inbox, racers: Racers) -> None:
    """The holder wakes at the instant in which its lease is recovered."""
    settled = 0
    for n in range(6):
        [ref] = accept(inbox, n)
        _, batch = begin(inbox, owner="holder")
        pass_time(inbox, 12)
        move_time(inbox, 4)
        [answers] = racers.race(inbox, "recover_or_settle", [(partition(inbox), batch.token)])
        won = Counter(answers)
        assert won["END"] + won["recovered 1"] + won["EMPTY"] >= 1
        settled += won["END"]
        found = audit(inbox)
        assert found.faults == []
        assert found.places["settled"] == settled
        assert ("crashed" in trouble(inbox, ref)) == (won["END"] == 0)


def test_replayed_or_dropped_never_both(inbox: Inbox, racers: Racers) -> None:
    refs = accept(inbox, *range(ROUNDS))
    settle(begin(inbox)[0], *[REJECTED] * ROUNDS)
    won = Counter(
        outcome
        for answers in racers.race(inbox, "replay_or_drop", [(ref,) for ref in refs])
        for outcome in answers
        if outcome in ("replayed", "deleted")
    )
    assert won.total() == ROUNDS
    check(inbox, solo=won["replayed"], settled=won["deleted"])


@pytest.mark.timeout(300)
def test_everything_at_once(inbox: Inbox, racers: Racers) -> None:
    """Chaos for some seconds: every answer is given, nothing is settled twice, all adds up."""
    small = open_inbox(
        inbox.settings, inbox_partitions=2, inbox_batch=8, inbox_turn_shops=2,
        queue_backoff_delay=1000,
    )  # fmt: skip
    settled: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    for seed in range(12):
        [told] = racers.race(small, "work", [(seed, 3.0)])
        for one in told:
            settled.update(one["settled"])
            seen += one["did"]
        found = audit(small)
        assert found.faults == []
        assert [ref for ref, times in settled.items() if times > 1] == []
        assert found.places["settled"] == len(settled)
        if set(seen) >= ANSWERS:
            return
    pytest.fail(f"never answered: {ANSWERS - set(seen)}")


def test_the_holder_goes_on_beside_late_ones(inbox: Inbox, racers: Racers) -> None:
    accept(inbox, 1, 2)
    holder, _ = begin(inbox)
    [answers] = racers.race(inbox, "begin", [(partition(inbox),)])
    assert set(answers) == {"BUSY"}
    settle(holder, DONE, BACK)
    check(inbox, settled=1, waiting=1)
