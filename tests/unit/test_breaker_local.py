"""The rules of a process's own breaker, time given in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avnu.breaker.local import LocalBreaker
from avnu.breaker.policy import CLOSED, HALF_OPEN, OPEN, BreakerPolicy
from avnu.breaker.standing import Standing

POLICY = BreakerPolicy(min_calls=4, min_shops=2, open_ms=1000, open_longest_ms=4000, probe_ms=5000)


def call(breaker: LocalBreaker, shop: str, last: str, now: float) -> bool:
    """One call that comes to ``last`` at once; False when it was refused."""
    if breaker.refusal(shop, now) is not None:
        return False
    breaker.report(breaker.generation, shop, last, now)
    return True


def opened(now: float = 0.0) -> LocalBreaker:
    breaker = LocalBreaker(POLICY)
    for number in range(4):
        call(breaker, f"s{number}", "-", now)
    assert breaker.state == OPEN
    return breaker


def test_it_opens_at_the_call_that_makes_enough() -> None:
    breaker = LocalBreaker(POLICY)
    for number in range(3):
        call(breaker, f"s{number}", "-", 0)
    assert breaker.state == CLOSED
    call(breaker, "s3", "-", 0)
    assert breaker.state == OPEN


def test_one_shop_does_not_open_it() -> None:
    breaker = LocalBreaker(POLICY)
    for _ in range(100):
        assert call(breaker, "one", "-", 0)
    assert breaker.state == CLOSED


def test_without_shops_the_rate_alone_opens_it() -> None:
    breaker = LocalBreaker(BreakerPolicy(min_calls=4, min_shops=0))
    for _ in range(4):
        call(breaker, "", "-", 0)
    assert breaker.state == OPEN


def test_old_calls_do_not_count() -> None:
    breaker = LocalBreaker(POLICY)
    for number in range(3):
        call(breaker, f"s{number}", "-", 0)
    call(breaker, "s4", "-", POLICY.window_s + 0.1)
    assert breaker.state == CLOSED


def test_ignored_calls_count_neither_way() -> None:
    breaker = LocalBreaker(POLICY)
    for number in range(20):
        call(breaker, f"s{number}", "i", 0)
    for number in range(4):
        call(breaker, f"s{number}", "-", 0)
    assert breaker.state == OPEN


def test_it_gives_few_probes_one_to_a_shop() -> None:
    breaker = opened()
    assert breaker.refusal("a", 0.5) == pytest.approx(0.5)
    assert breaker.refusal("a", 1.0) is None
    assert breaker.refusal("a", 1.0) is not None, "this shop's probe is under way"
    assert breaker.refusal("b", 1.0) is None
    assert breaker.refusal("c", 1.0) is None
    assert breaker.refusal("d", 1.0) is not None


def test_good_probes_close_it_and_late_reports_do_not_count() -> None:
    breaker = opened()
    old = breaker.generation
    assert call(breaker, "a", "+", 1.0)
    assert breaker.state == HALF_OPEN
    assert call(breaker, "b", "+", 1.0)
    assert breaker.state == CLOSED
    for number in range(10):
        breaker.report(old, f"s{number}", "-", 1.0)
    assert breaker.state == CLOSED


def test_failed_probes_of_two_shops_open_it_for_longer() -> None:
    breaker = opened()
    call(breaker, "a", "-", 1.0)
    assert breaker.refusal("a", 1.0) is not None, "a shop has one vote against"
    call(breaker, "b", "-", 1.0)
    assert (breaker.state, breaker.ends) == (OPEN, 3.0)


def test_an_undecided_window_lapses_with_its_permits() -> None:
    breaker = opened()
    for shop in "abc":
        assert breaker.refusal(shop, 1.0) is None
    assert breaker.refusal("d", 5.9) is not None
    assert breaker.refusal("d", 6.1) is None


@pytest.mark.parametrize(
    ("seen", "passes"),
    [
        (Standing(CLOSED, 5, "", 0, 0), True),
        (Standing(OPEN, 5, "", 0, 100), False),
        (Standing(OPEN, 5, "", 0, 5), True),
        (Standing(HALF_OPEN, 5, "", 0, 100), True),
        (Standing(OPEN, 5, "open", 0, 0), False),
        (Standing(CLOSED, 5, "closed", 0, 0), True),
    ],
)
def test_it_begins_where_the_shared_one_was_seen(seen: Standing, passes: bool) -> None:
    breaker = LocalBreaker(POLICY)
    breaker.adopt(seen, 10)
    assert (breaker.refusal("a", 10) is None) is passes


def test_forced_closed_it_does_not_open() -> None:
    breaker = LocalBreaker(POLICY)
    breaker.adopt(Standing(CLOSED, 5, "closed", 0, 0), 0)
    for number in range(50):
        assert call(breaker, f"s{number}", "-", 0)


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.sampled_from("+-i"), st.floats(0, 3)), max_size=200
    )
)
def test_it_always_comes_back_when_calls_are_good(steps: list[tuple[str, str, float]]) -> None:
    breaker, now = LocalBreaker(POLICY), 0.0
    for shop, last, pause in steps:
        now += pause
        call(breaker, shop, last, now)
    for _ in range(40):
        now += 1.0
        call(breaker, "good", "+", now)
    assert breaker.state == CLOSED
