"""Fixtures of the marketplace's database, on SQLite and on PostgreSQL.

A module asks for them with ``pytest_plugins = ("tests.support.store_fixtures",)``.
"""

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from avnu.clock import SystemClock
from avnu.secret import Secret
from avnu.store.database import Store
from avnu.store.installing import Installing
from avnu.store.pairs import TokenPair
from avnu.store.schema import upgrade
from avnu.store.shops import Shops
from avnu.store.tables import metadata
from avnu.store.tokens import Tokens
from avnu.store.vault import Vault
from tests.support.postgres import Postgres
from tests.support.token_caller import tokens_for
from tests.support.token_server import SHOP, TokenServer, serving


@pytest.fixture(scope="session")
def _postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture(scope="session")
def _postgres_ready(_postgres: Postgres) -> Secret:
    """One database of the newest form for all: a new one each time takes half a second."""
    address = _postgres.database()
    with Store(address) as store:
        upgrade(store)
    return address


@pytest.fixture(scope="session")
def _sqlite_ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of the newest form, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "avnu.db"
    with Store(Secret(f"sqlite:///{path}")) as store:
        upgrade(store)
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_database(request: pytest.FixtureRequest, tmp_path: Path) -> Secret:
    """The address of a database in which nothing is."""
    if request.param == "sqlite":
        return Secret(f"sqlite:///{tmp_path / 'data' / 'avnu.db'}")
    server: Postgres = request.getfixturevalue("_postgres")
    return server.database()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Secret:
    """The address of a database of the newest form, with empty tables."""
    if request.param == "sqlite":
        path = shutil.copy(request.getfixturevalue("_sqlite_ready"), tmp_path / "avnu.db")
        return Secret(f"sqlite:///{path}")
    address: Secret = request.getfixturevalue("_postgres_ready")
    with Store(address) as opened, opened.writing() as connection:
        for table in metadata.sorted_tables:
            connection.execute(table.delete())
    return address


@pytest.fixture
def store(database: Secret) -> Iterator[Store]:
    with Store(database) as opened:
        yield opened


@pytest.fixture
def key() -> str:
    return Fernet.generate_key().decode()


@pytest.fixture
def shopify() -> Iterator[TokenServer]:
    with serving() as server:
        yield server


@pytest.fixture
def shops(store: Store) -> Shops:
    return Shops(store, SystemClock())


@pytest.fixture
def install(store: Store, key: str) -> Callable[..., bool]:
    """``install(pair, shop=SHOP)``."""
    taking = Installing(store, Vault((Secret(key),)), SystemClock(), random.Random(1))

    def install(pair: TokenPair, shop: str = SHOP, **more: Any) -> bool:
        return taking.install(shop, pair, **more)

    return install


@pytest.fixture
def make_tokens(store: Store, key: str, shopify: TokenServer) -> Callable[..., Tokens]:
    """``make_tokens(lease_s=…, …)``: like another process each time."""

    def make(**options: Any) -> Tokens:
        return tokens_for(store, [key], shopify.origin, **options)

    return make
