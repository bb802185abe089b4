"""Changing the key while everything runs: every process reads whatever the others write."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select, update

from avnu.errors import TokenUnreadable
from avnu.secret import Secret
from avnu.store.database import Store
from avnu.store.pairs import TokenPair
from avnu.store.rotation import Rotation, rotate
from avnu.store.shops import Shops
from avnu.store.tables import shops as table
from avnu.store.tokens import Tokens
from avnu.store.vault import Vault
from tests.support.token_caller import tokens_for
from tests.support.token_server import TokenServer, mark_of, pair_at

pytest_plugins = ("tests.support.store_fixtures",)

LASTING = 25
NAMES = [f"shop-{number:02}.myshopify.com" for number in range(LASTING)]
REFRESHED = "refreshed.myshopify.com"

Install = Callable[..., bool]


def vault(*keys: str) -> Vault:
    return Vault(tuple(map(Secret, keys)))


@pytest.fixture
def new() -> str:
    return Fernet.generate_key().decode()


@pytest.fixture
def many(install: Install) -> None:
    for name in NAMES:
        install(TokenPair(Secret(f"shpat_{name}"), Secret(f"shprt_{name}"), 3600.0), shop=name)


def sealed(store: Store) -> list[tuple[str, str, str]]:
    query = select(table.c.domain, table.c.access_token, table.c.refresh_token)
    with store.reading() as connection:
        return [tuple(row) for row in connection.execute(query)]


def read_all(store: Store, keys: Vault) -> dict[str, str]:
    """Every token, opened; raises TokenUnreadable."""
    found = {}
    for domain, access, refresh in sealed(store):
        found[domain] = keys.open(domain, "access_token", access).reveal()
        keys.open(domain, "refresh_token", refresh)
    return found


def test_every_reader_reads_at_every_instant_of_a_rotation(
    *, many: None, store: Store, shopify: TokenServer, install: Install, key: str, new: str
) -> None:
    install(pair_at(shopify, 0), shop=REFRESHED)
    wanted = {name: f"shpat_{name}" for name in NAMES}
    over = threading.Event()

    def read(keys: Vault) -> int:
        rounds = 0
        while not over.is_set() or not rounds:
            found = read_all(store, keys)
            assert found.pop(REFRESHED).startswith("shpat_made_up")
            assert found == wanted
            rounds += 1
        return rounds

    def refresh(keys: list[str]) -> int:
        """Processes of both lists store new pairs meanwhile."""
        tokens: Tokens = tokens_for(store, keys, shopify.origin)
        while not over.is_set() or not shopify.requests:
            with store.writing() as connection:
                connection.execute(
                    update(table)
                    .where(table.c.domain == REFRESHED)
                    .values(access_expires_at=table.c.installed_at, refresh_after=None)
                )
            tokens.forget(REFRESHED)
            tokens.get(REFRESHED)
            time.sleep(0.01)
        return len(shopify.requests)

    with ThreadPoolExecutor(4) as pool:
        work = [
            pool.submit(read, vault(key, new)),
            pool.submit(read, vault(new, key)),
            pool.submit(refresh, [key, new]),
        ]
        try:
            done = rotate(store, vault(new, key))
        finally:
            over.set()
        assert all(one.result(60) for one in work)
    assert done.sealed_again >= LASTING
    # Nobody writes with the old key any more; then it can go.
    rotate(store, vault(new, key))
    found = read_all(store, vault(new))
    assert mark_of(found.pop(REFRESHED)) == shopify.live
    assert found == wanted
    with pytest.raises(TokenUnreadable):
        read_all(store, vault(key))


def test_again_changes_nothing(many: None, store: Store, key: str, new: str) -> None:
    assert rotate(store, vault(new, key), dry_run=True) == Rotation(sealed_again=LASTING)
    assert rotate(store, vault(new, key)) == Rotation(sealed_again=LASTING)
    before = sealed(store)
    assert rotate(store, vault(new, key)) == Rotation(newest_already=LASTING)
    assert sealed(store) == before


def test_pages_and_shops_without_tokens(
    *, many: None, store: Store, shops: Shops, key: str, new: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avnu.store.rotation._PAGE", 10)
    shops.uninstall(NAMES[3])
    done = rotate(store, vault(new, key))
    assert done == Rotation(sealed_again=LASTING - 1, without_tokens=1)


def test_what_no_key_opens_and_what_was_swapped_is_named_and_left(
    many: None, store: Store, key: str, new: str
) -> None:
    rows = {domain: access for domain, access, _ in sealed(store)}
    lost = vault(Fernet.generate_key().decode()).seal(NAMES[2], "access_token", Secret("lost"))
    with store.writing() as connection:
        for name, access in ((NAMES[0], rows[NAMES[1]]), (NAMES[2], lost)):
            connection.execute(
                update(table).where(table.c.domain == name).values(access_token=access)
            )
    before = {row for row in sealed(store) if row[0] in (NAMES[0], NAMES[2])}
    done = rotate(store, vault(new, key))
    assert done.unreadable == [NAMES[0], NAMES[2]]
    assert done.sealed_again == LASTING - 2
    assert before <= set(sealed(store))


def test_a_refresh_at_the_same_moment_wins(
    *,
    many: None,
    store: Store,
    install: Install,
    key: str,
    new: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The pair changes after it was read and before it is written back."""
    keys, real = vault(new, key), vault(new, key)
    done: list[str] = []

    def seal(shop: str, column: str, text: Secret) -> str:
        if shop == NAMES[5] and not done:
            done.append(shop)
            install(TokenPair(Secret("shpat_newer"), Secret("shprt_newer"), 3600.0), shop=shop)
        return real.seal(shop, column, text)

    monkeypatch.setattr(keys, "seal", seal)
    rotate(store, keys)
    assert done
    assert read_all(store, vault(new))[NAMES[5]] == "shpat_newer"
