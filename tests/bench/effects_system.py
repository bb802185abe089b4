"""Avnu with its own handlers: what they write goes into SQLite or PostgreSQL, and lasts."""

import random
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from avnu.clock import SystemClock
from avnu.sandbox.admin import CLIENT_ID, CLIENT_SECRET, AdminSandbox, World
from avnu.secret import Secret
from avnu.settings import Settings
from avnu.store.database import Store
from avnu.store.installing import Installing
from avnu.store.pairs import TokenPair
from avnu.store.schema import upgrade
from avnu.store.vault import require_vault
from tests.bench.avnu_system import Avnu
from tests.bench.processes import Program
from tests.support.database import database_environ
from tests.support.postgres import _FOLDERS, Postgres

# Longer than the measurement, so that no token is refreshed in it.
_TOKEN_LIFE_S = 86_400.0


@dataclass(frozen=True)
class Writing(Avnu):
    """``database`` makes the address of a new, empty database; ``batch`` is INBOX_BATCH.

    With a batch of 1 a turn takes one webhook of one shop: each has a transaction of its own.
    """

    sandbox: AdminSandbox = field(kw_only=True)
    shops: Sequence[str] = field(kw_only=True)
    database: Callable[[], Secret] = field(kw_only=True)
    batch: int = field(default=50, kw_only=True)

    def start_worker(self, redis_port: int) -> Program:
        environ = {
            "DATABASE_URL": self.database().reveal(),
            "TOKEN_ENCRYPTION_KEYS": database_environ(self._database())["TOKEN_ENCRYPTION_KEYS"],
            "SHOPIFY_API_KEY": CLIENT_ID,
            "SHOPIFY_API_SECRET": CLIENT_SECRET,
            "SHOPIFY_ADMIN_ORIGIN": self.sandbox.origin,
            "INBOX_BATCH": str(self.batch),
            "INBOX_TURN_SHOPS": str(self.batch),
        }
        self._install(Settings.load(environ))
        command = [sys.executable, "-m", "celery", "-A", "avnu", "worker", "--loglevel", "WARNING"]
        return self._start("worker", command, redis_port, environ)

    def _install(self, settings: Settings) -> None:
        with Store(settings.database_url) as store:
            upgrade(store)
            vault, clock = require_vault(settings), SystemClock()
            taking = Installing(store, vault, clock, random.Random(1))
            for shop in self.shops:
                issued = self.sandbox.tokens.issue(shop)
                access, refresh = Secret(issued.access_token), Secret(issued.refresh_token or "")
                taking.install(shop, TokenPair(access, refresh, _TOKEN_LIFE_S))


@contextmanager
def writing(shops: Sequence[str], *, sqlite_only: bool) -> Iterator[list[Writing]]:
    """The same worker on each database, with batches and one by one."""
    with (
        tempfile.TemporaryDirectory(prefix="avnu-bench-") as folder,
        AdminSandbox(World(), SystemClock()) as sandbox,
    ):
        files = _Files(Path(folder))
        if sqlite_only:
            yield _pair("SQLite", sandbox, shops, files.new)
            return
        with Postgres() as server:
            yield [
                *_pair("SQLite", sandbox, shops, files.new),
                *_pair("PostgreSQL", sandbox, shops, server.database),
            ]


def postgres_is_there() -> bool:
    """Whether PostgreSQL is installed where Debian puts it."""
    return shutil.which("postgres", path=_FOLDERS) is not None


def _pair(
    name: str, sandbox: AdminSandbox, shops: Sequence[str], database: Callable[[], Secret]
) -> list[Writing]:
    return [
        Writing(f"{name}, {words}", sandbox=sandbox, shops=shops, database=database, batch=batch)
        for words, batch in (("batches", 50), ("one by one", 1))
    ]


class _Files:
    """SQLite files, a new one each time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = 0

    def new(self) -> Secret:
        self._made += 1
        return Secret(f"sqlite:///{self._folder / f'{self._made}.db'}")
