"""A process's share of a budget, time given in; and which numbers of an answer are believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avnu.budget import BudgetPolicy, Class, points
from avnu.budget.local import LocalBudget

SHOP = "one.myshopify.com"
POLICY = BudgetPolicy(shares=4)


def budget() -> LocalBudget:
    local = LocalBudget(POLICY)
    local.remember(SHOP, 2000, 100)
    return local


def test_it_begins_with_half_of_its_share() -> None:
    local, taken = budget(), 0.0
    while (granted := local.reserve(SHOP, 10, Class.INTERACTIVE, 0.0))[0] and granted[1] == 0:
        taken += granted[2]
    assert taken == 2000 / 4 / 2


def test_bulk_leaves_the_floor() -> None:
    local, taken = budget(), 0.0
    while (granted := local.reserve(SHOP, 10, Class.BULK, 0.0))[0] and granted[1] == 0:
        taken += granted[2]
    assert taken == 250 - 0.3 * 500


def test_the_wait_is_exact() -> None:
    local = budget()
    granted, wait_s, _ = local.reserve(SHOP, 400, Class.BULK, 0.0)
    assert not granted
    # 400 and the floor of 150 fit into 500 only up to 100; 250 missing at 25/s, 0.4 s ahead.
    assert wait_s == pytest.approx(250 / 25 - 0.4)
    assert local.reserve(SHOP, 400, Class.BULK, wait_s - 0.01)[0] is False
    assert local.reserve(SHOP, 400, Class.BULK, wait_s + 0.001)[0] is True


def test_a_refund_is_there_for_the_next() -> None:
    local = budget()
    local.reserve(SHOP, 250, Class.INTERACTIVE, 0.0)
    assert not local.reserve(SHOP, 100, Class.INTERACTIVE, 0.0)[0]
    local.settle(SHOP, 250, 50, None, 0.0)
    assert local.reserve(SHOP, 100, Class.INTERACTIVE, 0.0)[0]


def test_it_believes_no_more_than_its_share_of_what_is_there() -> None:
    local = budget()
    local.settle(SHOP, 0, 0, 40, 0.0)
    assert local.reserve(SHOP, 10, Class.INTERACTIVE, 0.0)[:2] == (True, 0)
    assert local.reserve(SHOP, 10, Class.INTERACTIVE, 0.0)[1] > 0


def test_an_unknown_shop_gets_the_smallest_bucket() -> None:
    granted, _, cost = LocalBudget(POLICY).reserve(SHOP, 1000, Class.INTERACTIVE, 0.0)
    assert not granted
    assert cost == 1000 / 4


@given(st.lists(st.tuples(st.floats(1, 1000), st.floats(0, 1), st.floats(0, 5)), max_size=60))
def test_it_never_grants_more_than_its_share_restores(
    steps: list[tuple[float, float, float]],
) -> None:
    local, now, spent = budget(), 0.0, 0.0
    for hint, part, pause in steps:
        now += pause
        granted, wait_s, cost = local.reserve(SHOP, hint, Class.INTERACTIVE, now)
        if granted:
            now += wait_s
            spent += cost * part
            local.settle(SHOP, cost, cost * part, None, now)
    assert spent <= 250 + 25 * now + 1e-6


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""), (0, "0"), (12, "12"), (12.5, "12.5"), (1999.999999, "2000"), (20000.0, "20000"),
        (float("nan"), ""), (float("inf"), ""), (-1, ""), (1e300, ""), (1e9, "1000000000"),
    ],
)  # fmt: skip
def test_numbers(value: float | None, text: str) -> None:
    assert points(value) == text
