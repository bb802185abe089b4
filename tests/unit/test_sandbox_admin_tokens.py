"""Which tokens are good, for how long, and what ends them."""

import random
from itertools import pairwise

import pytest

from avnu.sandbox.admin.once import KeyMismatch, Once
from avnu.sandbox.admin.tokens import ACCESS_LIFE_S, REFRESH_LIFE_S, GrantInvalid, TokenDesk
from tests.support.moved_clock import MovedClock

ONE, TWO = "one.myshopify.com", "two.myshopify.com"


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def desk(clock: MovedClock) -> TokenDesk:
    return TokenDesk(clock, random.Random(1))


def test_a_token_opens_its_own_shop_for_an_hour(desk: TokenDesk, clock: MovedClock) -> None:
    pair = desk.issue(ONE)
    assert (pair.expires_in, pair.refresh_token_expires_in) == (3600, 7_776_000)
    assert desk.is_good(ONE, pair.access_token)
    assert not desk.is_good(TWO, pair.access_token)
    assert not desk.is_good(ONE, "")
    clock.now += ACCESS_LIFE_S - 1
    assert desk.is_good(ONE, pair.access_token)
    clock.now += 1
    assert not desk.is_good(ONE, pair.access_token)


def test_a_lasting_token_is_one_and_the_same(desk: TokenDesk, clock: MovedClock) -> None:
    first = desk.issue(ONE, expiring=False)
    clock.now += 10 * REFRESH_LIFE_S
    assert desk.is_good(ONE, first.access_token)
    assert desk.issue(ONE, expiring=False) == first
    assert (first.expires_in, first.refresh_token) == (None, None)
    desk.revoke(ONE)
    assert desk.issue(ONE, expiring=False) != first


def test_a_used_refresh_token_is_good_until_its_replacement_is_used(desk: TokenDesk) -> None:
    pairs = [desk.issue(ONE)]
    for _ in range(4):
        pairs.append(desk.refresh(ONE, pairs[-1].refresh_token or ""))
    for before, after in pairwise(pairs):
        assert before.refresh_token != after.refresh_token
        assert before.access_token != after.access_token
    # All access tokens live to their end; of refresh tokens the last two are good.
    assert all(desk.is_good(ONE, pair.access_token) for pair in pairs)
    for pair in pairs[:-2]:
        with pytest.raises(GrantInvalid):
            desk.refresh(ONE, pair.refresh_token or "")
    lost = desk.refresh(ONE, pairs[-2].refresh_token or "")
    assert desk.refresh(ONE, pairs[-2].refresh_token or "") != lost


def test_a_new_acquisition_ends_the_refresh_tokens_before_it(desk: TokenDesk) -> None:
    first = desk.issue(ONE)
    desk.issue(ONE)
    assert desk.is_good(ONE, first.access_token)
    with pytest.raises(GrantInvalid):
        desk.refresh(ONE, first.refresh_token or "")


def test_a_refresh_token_ends_after_90_days(desk: TokenDesk, clock: MovedClock) -> None:
    pair = desk.issue(ONE)
    clock.now += REFRESH_LIFE_S
    with pytest.raises(GrantInvalid):
        desk.refresh(ONE, pair.refresh_token or "")


def test_refresh_tokens_are_of_one_shop(desk: TokenDesk) -> None:
    with pytest.raises(GrantInvalid):
        desk.refresh(TWO, desk.issue(ONE).refresh_token or "")
    with pytest.raises(GrantInvalid):
        desk.refresh(ONE, "")


def test_expire_and_revoke(desk: TokenDesk) -> None:
    pair = desk.issue(ONE)
    desk.expire(ONE)
    assert not desk.is_good(ONE, pair.access_token)
    again = desk.refresh(ONE, pair.refresh_token or "")
    desk.revoke(ONE)
    assert not desk.is_good(ONE, again.access_token)
    with pytest.raises(GrantInvalid):
        desk.refresh(ONE, again.refresh_token or "")


def test_a_life_may_be_set(desk: TokenDesk, clock: MovedClock) -> None:
    desk.token_life_s = 0.5
    pair = desk.issue(ONE)
    assert pair.expires_in == 0.5
    clock.now += 0.5
    assert not desk.is_good(ONE, pair.access_token)


def test_no_two_shops_share_a_token() -> None:
    clock = MovedClock()
    desks = [TokenDesk(clock, random.Random(1)), TokenDesk(clock, random.Random(1))]
    assert desks[0].issue(ONE).access_token != desks[1].issue(TWO).access_token


def test_once() -> None:
    once = Once(most=2)
    ran: list[str] = []
    assert once.run("k", b"a", lambda: ran.append("k")) is once.run("k", b"a", ran.clear)
    assert ran == ["k"]
    with pytest.raises(KeyMismatch):
        once.run("k", b"b", ran.clear)
    with pytest.raises(ZeroDivisionError):
        once.run("l", b"a", lambda: 1 / 0)
    assert once.run("l", b"b", lambda: "fine") == "fine"
    once.run("m", b"", lambda: None)
    assert once.run("k", b"b", lambda: "forgotten, so it runs") == "forgotten, so it runs"
