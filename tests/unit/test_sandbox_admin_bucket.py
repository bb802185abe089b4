"""The bucket's arithmetic, with time moved by hand."""

import pytest

from avnu.sandbox.admin import LIMITS, Bucket
from tests.support.moved_clock import MovedClock


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def bucket(clock: MovedClock) -> Bucket:
    return Bucket(2000, 100, clock)


def test_what_is_not_used_is_given_back(bucket: Bucket) -> None:
    assert bucket.take(500)
    assert (bucket.available, bucket.flying) == (1500, 500)
    bucket.give_back(500, 120)
    assert (bucket.available, bucket.flying, bucket.spent) == (1880, 0, 120)


def test_the_requested_cost_must_fit(bucket: Bucket, clock: MovedClock) -> None:
    assert bucket.take(1900)
    assert not bucket.take(101)
    assert (bucket.available, bucket.calls, bucket.throttled) == (100, 2, 1)
    clock.now += 0.02
    assert bucket.take(101)


def test_it_fills_at_its_rate_and_no_further(bucket: Bucket, clock: MovedClock) -> None:
    bucket.take(1000)
    clock.now += 3
    bucket.refill()
    assert bucket.available == pytest.approx(1300)
    clock.now += 3600
    bucket.refill()
    assert bucket.available == 2000
    bucket.give_back(1000, 10)
    assert bucket.available == 2000


def test_what_it_tells(bucket: Bucket, clock: MovedClock) -> None:
    bucket.take(10)
    clock.now += 0.005
    bucket.refill()
    assert bucket.status() == {
        "maximumAvailable": 2000, "currentlyAvailable": 1990, "restoreRate": 100,
    }  # fmt: skip


def test_a_stranger_takes_what_is_there(bucket: Bucket) -> None:
    bucket.take(1990)
    bucket.take_for_a_stranger(50)
    assert (bucket.available, bucket.foreign, bucket.flying) == (0, 10, 1990)


def test_another_plan(bucket: Bucket, clock: MovedClock) -> None:
    clock.now += 100
    bucket.resize(*LIMITS["plus"])
    assert bucket.available == 2000
    clock.now += 1
    bucket.refill()
    assert bucket.available == 3000
    bucket.resize(*LIMITS["basic"])
    assert (bucket.available, bucket.capacity, bucket.rate) == (2000, 2000, 100)


def test_a_bucket_holds_twenty_seconds() -> None:
    assert {plan: rate for plan, (_, rate) in LIMITS.items()} == {
        "basic": 100, "advanced": 200, "plus": 1000, "enterprise": 2000,
    }  # fmt: skip
    assert all(capacity == 20 * rate for capacity, rate in LIMITS.values())
