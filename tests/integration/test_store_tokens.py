"""Live tokens in one process: refreshed in time and after a 401, and what is said of failures."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from avnu.errors import OutOfTime, ShopUnauthorised, TokenUnavailable, TokenUnreadable
from avnu.secret import Secret
from avnu.store.database import Store
from avnu.store.pairs import AccessToken, TokenPair
from avnu.store.shops import Shops, Status
from avnu.store.tables import shops as table
from avnu.store.tokens import Tokens
from tests.support.token_server import SHOP, TokenServer, mark_of, pair_at
from tests.support.waiting import wait_until

pytest_plugins = ("tests.support.store_fixtures",)

Install = Callable[..., bool]
Make = Callable[..., Tokens]
OUTAGE = (520, b"<html>")


def mark(token: AccessToken) -> str:
    return mark_of(token.secret.reveal())


def set_row(store: Store, **columns: object) -> None:
    with store.writing() as connection:
        connection.execute(update(table).values(columns))


def age(store: Store, *, expires_in_s: float, due_in_s: float = -1) -> None:
    """As if time had passed."""
    now = datetime.now(UTC)
    set_row(
        store,
        access_expires_at=now + timedelta(seconds=expires_in_s),
        access_due_at=now + timedelta(seconds=due_in_s),
    )


def wait_over(store: Store) -> None:
    """As if the time between two exchanges had passed."""
    set_row(store, refresh_after=None)


@contextmanager
def held(shopify: TokenServer) -> Iterator[None]:
    """Shopify takes its time."""
    shopify.hold.clear()
    try:
        yield
    finally:
        shopify.hold.set()


# ---- which token is given out


def test_a_token_that_lives_is_served_from_memory(
    install: Install, make_tokens: Make, shopify: TokenServer, store: Store
) -> None:
    install(pair_at(shopify, 3600))
    tokens = make_tokens()
    first = tokens.get(SHOP)
    store.close()
    assert tokens.get(SHOP) is first
    assert (mark(first), shopify.requests) == (shopify.live, [])


def test_a_lasting_token_is_served_for_ever(
    install: Install, make_tokens: Make, shopify: TokenServer
) -> None:
    install(TokenPair(Secret("shpat_lasting")))
    assert make_tokens().get(SHOP) == AccessToken(SHOP, Secret("shpat_lasting"), None)
    assert shopify.requests == []


def test_an_expired_token_is_refreshed_and_the_pair_is_stored(
    install: Install, make_tokens: Make, shopify: TokenServer, shops: Shops
) -> None:
    install(pair_at(shopify, 0))
    tokens = make_tokens()
    token = tokens.get(SHOP)
    assert mark(token) == shopify.live
    assert (token.revived, tokens.get(SHOP).revived) == (True, False)
    assert mark(make_tokens().get(SHOP)) == shopify.live
    found = shops.get(SHOP)
    assert found.access_expires_at is not None
    assert token.expires_s == pytest.approx(found.access_expires_at.timestamp(), abs=1)
    assert len(shopify.requests) == 1


def test_the_next_refresh_uses_the_new_refresh_token(
    install: Install, make_tokens: Make, shopify: TokenServer, store: Store
) -> None:
    install(pair_at(shopify, 0))
    for _ in range(3):
        make_tokens().get(SHOP)
        age(store, expires_in_s=-1)
        wait_over(store)
    used = [asked["refresh_token"] for asked in shopify.requests]
    assert used == ["shprt_made_up_0", "shprt_made_up_1", "shprt_made_up_2"]


def test_a_token_that_is_due_is_refreshed_before_it_ends(
    install: Install, make_tokens: Make, shopify: TokenServer, store: Store
) -> None:
    install(pair_at(shopify, 3600))
    age(store, expires_in_s=300)
    token = make_tokens().get(SHOP)
    assert (mark(token), token.revived) == (shopify.live, False)
    assert len(shopify.requests) == 1


def test_the_old_token_is_served_beside_a_refresh_that_takes_its_time(
    install: Install, make_tokens: Make, shopify: TokenServer, store: Store
) -> None:
    install(pair_at(shopify, 3600))
    old = shopify.live
    age(store, expires_in_s=300)
    with ThreadPoolExecutor(1) as pool, held(shopify):
        first = pool.submit(make_tokens().get, SHOP)
        wait_until(lambda: shopify.requests, 5, "the first asks")
        assert mark(make_tokens().get(SHOP)) == old
        assert not first.done()
        shopify.hold.set()
        assert mark(first.result(10)) == shopify.live != old
    assert len(shopify.requests) == 1


def test_no_transaction_is_open_while_shopify_is_asked(
    install: Install, make_tokens: Make, shopify: TokenServer, shops: Shops
) -> None:
    install(pair_at(shopify, 0))
    with ThreadPoolExecutor(2) as pool, held(shopify):
        asking = pool.submit(make_tokens().get, SHOP)
        wait_until(lambda: shopify.requests, 5, "Shopify is asked")
        # The same row: a row lock or SQLite's write lock would hold this up.
        pool.submit(shops.describe, SHOP, plan="plus").result(5)
        assert not asking.done()
        shopify.hold.set()
        asking.result(10)
    assert shops.get(SHOP).plan == "plus"


# ---- after a 401


def test_callers_that_saw_the_same_401_make_one_exchange(
    install: Install, make_tokens: Make, shopify: TokenServer
) -> None:
    install(pair_at(shopify, 3600))
    tokens = make_tokens()
    seen = tokens.get(SHOP)
    with ThreadPoolExecutor(20) as pool:
        every = list(pool.map(lambda _: tokens.refresh(SHOP, seen), range(20)))
    assert {mark(token) for token in every} == {shopify.live}
    assert shopify.live != mark(seen)
    assert len(shopify.requests) == 1


def test_a_new_token_that_is_refused_at_once_causes_no_storm(
    install: Install, make_tokens: Make, shopify: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Longer than a busy machine may need for what is to happen at once.
    monkeypatch.setattr("avnu.store.renewal._SETTLED_S", 60.0)
    install(pair_at(shopify, 3600))
    tokens = make_tokens()
    token = tokens.refresh(SHOP, tokens.get(SHOP))
    for _ in range(5):
        with pytest.raises(TokenUnavailable) as caught:
            tokens.refresh(SHOP, token)
        assert 0 < caught.value.wait_s <= 60
    assert len(shopify.requests) == 1


def test_a_lasting_token_that_is_refused_makes_the_shop_unauthorised(
    install: Install, make_tokens: Make, shopify: TokenServer, shops: Shops
) -> None:
    install(TokenPair(Secret("shpat_lasting")))
    tokens = make_tokens()
    seen = tokens.get(SHOP)
    with pytest.raises(ShopUnauthorised, match="no refresh token"):
        tokens.refresh(SHOP, seen)
    with pytest.raises(ShopUnauthorised, match="Shopify refuses its token"):
        tokens.get(SHOP)
    assert shops.get(SHOP).status is Status.UNAUTHORISED
    shops.resume(SHOP)
    assert tokens.get(SHOP) == seen


# ---- answers


def test_an_answer_without_expires_in_is_survived(
    install: Install, make_tokens: Make, shopify: TokenServer, store: Store, shops: Shops
) -> None:
    install(pair_at(shopify, 0))
    shopify.answers = [lambda good: {k: v for k, v in good.items() if "expires" not in k}]
    tokens = make_tokens()
    token = tokens.get(SHOP)
    assert (mark(token), token.expires_s) == (shopify.live, None)
    found = shops.get(SHOP)
    assert found.access_expires_at is None
    assert found.access_due_at is not None
    assert timedelta(minutes=47) < found.access_due_at - found.updated_at < timedelta(minutes=55)
    # It goes on: when it is due, and after a 401 as well.
    set_row(store, access_due_at=datetime.now(UTC), refresh_after=None)
    again = make_tokens().get(SHOP)
    wait_over(store)
    assert mark(make_tokens().refresh(SHOP, again)) == shopify.live
    assert len(shopify.requests) == 3


def test_an_answer_without_a_refresh_token_keeps_the_one_there_is(
    install: Install, make_tokens: Make, shopify: TokenServer, store: Store
) -> None:
    install(pair_at(shopify, 0))
    names = ("access_token", "expires_in")
    shopify.answers = [lambda good: {name: good[name] for name in names}]
    make_tokens().get(SHOP)
    age(store, expires_in_s=-1)
    wait_over(store)
    assert mark(make_tokens().get(SHOP)) == shopify.live
    assert len(shopify.requests) == 2


@pytest.mark.parametrize(
    "answer",
    [
        OUTAGE,
        (200, b"{broken"),
        (200, b"[]"),
        (200, b'{"access_token": ""}'),
        (200, b'{"access_token": 7}'),
        (200, b'{"access_token": "shpat_with\\rbreak"}'),
        (200, b'{"access_token": "shpat_good", "refresh_token": "with a blank"}'),
        (200, b'{"access_token": "\xff"}'),
        (200, b" " * 70_000),
        (400, b'{"error":"invalid_request"}'),
        (400, b'{"error":"application_cannot_be_found"}'),
        (401, b'{"error":"invalid_client"}'),
        (404, b""),
        (429, b"shprt_made_up_0"),
        (302, b""),
    ],
)
def test_a_failed_refresh_serves_the_old_token_while_it_lives_and_says_so_after(
    *,
    answer: tuple[int, bytes],
    install: Install,
    make_tokens: Make,
    shopify: TokenServer,
    store: Store,
    shops: Shops,
) -> None:
    install(pair_at(shopify, 3600))
    old = shopify.live
    age(store, expires_in_s=300)
    shopify.answers = [answer, answer]
    # Two callers, one exchange: the second does not ask again at once.
    assert [mark(make_tokens().get(SHOP)) for _ in range(2)] == [old, old]
    assert len(shopify.requests) == 1
    found = shops.get(SHOP)
    assert (found.status, found.refresh_failures) == (Status.INSTALLED, 1)
    assert found.reason.startswith("refresh failed: ")

    age(store, expires_in_s=-1)
    wait_over(store)
    for _ in range(2):
        with pytest.raises(TokenUnavailable, match="refresh failed") as caught:
            make_tokens().get(SHOP)
        assert 5 < caught.value.wait_s <= 12
    assert len(shopify.requests) == 2

    wait_over(store)
    assert mark(make_tokens().get(SHOP)) == shopify.live != old
    healed = shops.get(SHOP)
    assert (healed.reason, healed.refresh_failures) == ("", 0)


def test_nobody_at_the_other_end_is_a_failed_refresh(
    install: Install, make_tokens: Make, shopify: TokenServer
) -> None:
    install(pair_at(shopify, 0))
    tokens = make_tokens()
    shopify.shutdown()
    shopify.server_close()
    with pytest.raises(TokenUnavailable, match="no answer"):
        tokens.get(SHOP)


# ---- a refresh token that is of no more use


@pytest.mark.parametrize("answer", [(400, b'{"error":"invalid_grant"}'), (401, b"")])
def test_a_dead_refresh_token_is_reported_once_the_old_token_has_ended(
    *,
    answer: tuple[int, bytes],
    install: Install,
    make_tokens: Make,
    shopify: TokenServer,
    store: Store,
    shops: Shops,
) -> None:
    install(pair_at(shopify, 3600))
    old = shopify.live
    age(store, expires_in_s=300)
    shopify.answers = [answer, answer]
    assert mark(make_tokens().get(SHOP)) == old
    assert "refuses the refresh token" in shops.get(SHOP).reason

    age(store, expires_in_s=-1)
    wait_over(store)
    for _ in range(3):
        with pytest.raises(ShopUnauthorised, match="refuses the refresh token"):
            make_tokens().get(SHOP)
    assert shops.get(SHOP).status is Status.UNAUTHORISED
    assert len(shopify.requests) == 2


def test_an_unauthorised_shop_heals_when_the_mistake_was_ours(
    install: Install, make_tokens: Make, shopify: TokenServer, store: Store, shops: Shops
) -> None:
    install(pair_at(shopify, 0))
    shopify.answers = [(401, b"")]
    with pytest.raises(ShopUnauthorised):
        make_tokens().get(SHOP)
    wait_over(store)
    assert mark(make_tokens().get(SHOP)) == shopify.live
    found = shops.get(SHOP)
    assert (found.status, found.reason) == (Status.INSTALLED, "")


def test_the_note_on_a_frozen_shop_outlives_a_refresh(
    install: Install, make_tokens: Make, shopify: TokenServer, shops: Shops
) -> None:
    install(pair_at(shopify, 0))
    shops.mark(SHOP, Status.FROZEN, "402")
    make_tokens().get(SHOP)
    found = shops.get(SHOP)
    assert (found.status, found.reason) == (Status.FROZEN, "402")


# ---- changes in between


def test_a_reinstall_is_not_overwritten_by_a_refresh_under_way(
    install: Install, make_tokens: Make, shopify: TokenServer
) -> None:
    install(pair_at(shopify, 0))
    with ThreadPoolExecutor(1) as pool, held(shopify):
        asking = pool.submit(make_tokens().get, SHOP)
        wait_until(lambda: shopify.requests, 5, "Shopify is asked")
        install(TokenPair(Secret("shpat_reinstalled"), Secret("shprt_reinstalled"), 3600.0))
        shopify.hold.set()
        with pytest.raises(TokenUnavailable, match="changed meanwhile"):
            asking.result(10)
    assert make_tokens().get(SHOP).secret == Secret("shpat_reinstalled")


def test_an_uninstall_ends_a_refresh_under_way(
    install: Install, make_tokens: Make, shopify: TokenServer, shops: Shops
) -> None:
    install(pair_at(shopify, 0))
    with ThreadPoolExecutor(1) as pool, held(shopify):
        asking = pool.submit(make_tokens().get, SHOP)
        wait_until(lambda: shopify.requests, 5, "Shopify is asked")
        shops.uninstall(SHOP)
        shopify.hold.set()
        with pytest.raises(TokenUnavailable):
            asking.result(10)
    with pytest.raises(ShopUnauthorised, match="uninstalled"):
        make_tokens().get(SHOP)
    assert not shops.get(SHOP).has_access_token


def test_whoever_waits_too_long_is_told_when_to_come_back(
    install: Install, make_tokens: Make, shopify: TokenServer
) -> None:
    install(pair_at(shopify, 0))
    with ThreadPoolExecutor(1) as pool, held(shopify):
        asking = pool.submit(make_tokens().get, SHOP)
        wait_until(lambda: shopify.requests, 5, "Shopify is asked")
        with pytest.raises(TokenUnavailable, match="another process") as caught:
            make_tokens(wait_s=0.2).get(SHOP)
        assert caught.value.wait_s > 0
        shopify.hold.set()
        asking.result(10)


def test_an_exchange_that_raises_something_else_leaves_no_lease(
    install: Install, make_tokens: Make, shopify: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(pair_at(shopify, 0))
    tokens = make_tokens()

    def fail(*_: object) -> TokenPair:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(tokens._renewal, "_exchange", fail)
        with pytest.raises(ZeroDivisionError):
            tokens.get(SHOP)
    assert mark(tokens.get(SHOP)) == shopify.live


def test_swapped_rows_are_refused(
    install: Install, make_tokens: Make, shopify: TokenServer, store: Store
) -> None:
    other = "brass-bells.myshopify.com"
    install(pair_at(shopify, 3600))
    install(TokenPair(Secret("shpat_other"), Secret("shprt_other"), 3600.0), shop=other)
    with store.writing() as connection:
        rows = {row.domain: row for row in connection.execute(table.select())}
        for mine, theirs in ((SHOP, other), (other, SHOP)):
            connection.execute(
                update(table)
                .where(table.c.domain == mine)
                .values(
                    access_token=rows[theirs].access_token,
                    refresh_token=rows[theirs].refresh_token,
                )
            )
    for shop in (SHOP, other):
        with pytest.raises(TokenUnreadable, match="sealed for another"):
            make_tokens().get(shop)
    assert shopify.requests == []


def test_many_shops_are_refreshed_side_by_side(
    install: Install, make_tokens: Make, shopify: TokenServer
) -> None:
    names = [f"shop-{number}.myshopify.com" for number in range(4)]
    pair = pair_at(shopify, 0)
    for name in names:
        install(pair, shop=name)
    tokens = make_tokens()
    everybody = threading.Barrier(len(names) + 1)

    def get(name: str) -> AccessToken:
        everybody.wait(10)
        return tokens.get(name)

    with ThreadPoolExecutor(len(names)) as pool, held(shopify):
        for name in names:
            pool.submit(get, name)
        everybody.wait(10)
        # All four are with Shopify at once: one shop's refresh does not hold up another's.
        wait_until(lambda: shopify.at_once == len(names), 10, "all four are asked for at once")
        shopify.hold.set()


@pytest.mark.parametrize("life", [b"1e300", b"1e12", b"-5", b"0"])
def test_a_lifetime_that_makes_no_sense_was_not_said(
    *, life: bytes, install: Install, make_tokens: Make, shopify: TokenServer, shops: Shops
) -> None:
    install(pair_at(shopify, 0))
    shopify.answers = [(200, b'{"access_token": "shpat_good", "expires_in": %s}' % life)]
    assert make_tokens().get(SHOP).secret == Secret("shpat_good")
    assert shops.get(SHOP).access_expires_at is None


def test_a_refused_token_is_noted_unless_another_has_come(
    install: Install, make_tokens: Make, shopify: TokenServer, shops: Shops
) -> None:
    install(pair_at(shopify, 3600))
    tokens = make_tokens()
    seen = tokens.get(SHOP)
    tokens.reject(seen, "refused")
    assert (shops.get(SHOP).status, shops.get(SHOP).reason) == (Status.UNAUTHORISED, "refused")
    install(TokenPair(Secret("shpat_reinstalled")))
    tokens.reject(seen, "refused")
    assert shops.get(SHOP).status is Status.INSTALLED


def test_shortly_before_the_caller_s_time_is_over_no_exchange_begins(
    install: Install, make_tokens: Make, shopify: TokenServer, store: Store
) -> None:
    install(pair_at(shopify, 3600))
    age(store, expires_in_s=300)
    soon_s = time.monotonic() + 1.0
    assert mark(make_tokens().get(SHOP, soon_s)) == shopify.live, "it lives, though it is due"
    age(store, expires_in_s=-1)
    with pytest.raises(OutOfTime):
        make_tokens().get(SHOP, soon_s)
    assert shopify.requests == []


def test_nobody_waits_for_another_s_exchange_beyond_the_caller_s_time(
    install: Install, make_tokens: Make, shopify: TokenServer
) -> None:
    install(pair_at(shopify, 0))
    with ThreadPoolExecutor(1) as pool, held(shopify):
        asking = pool.submit(make_tokens().get, SHOP)
        wait_until(lambda: shopify.requests, 5, "the first asks")
        begun_s = time.monotonic()
        with pytest.raises(OutOfTime):
            make_tokens(wait_s=10).get(SHOP, begun_s + 0.3)
        assert time.monotonic() - begun_s < 5.0
        shopify.hold.set()
        asking.result()
