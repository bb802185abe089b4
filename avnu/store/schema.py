"""The form of the database: which one it has, which one this Avnu needs, and the way there."""

import enum
import os
import sqlite3
from pkgutil import iter_modules
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection, inspect, text

from avnu.errors import StoreOutdated, StoreUnavailable
from avnu.store.database import UPGRADE, Store
from avnu.store.engine import sqlite_path
from avnu.store.migrations import versions

if TYPE_CHECKING:
    from alembic.config import Config

# Any number: two upgrades at once on PostgreSQL take turns by it.
_TURN = 0x61766E75
_VERSIONS = "alembic_version"


class Form(enum.StrEnum):
    """How the database compares with what this Avnu needs."""

    READY = "ready"
    EMPTY = "empty"
    BEHIND = "behind"
    AHEAD = "ahead"  # a newer Avnu has been here; deploys roll, so this one goes on


class Standing(msgspec.Struct, frozen=True):
    """``found`` is the database's last step ("" for none), ``needed`` the last that we know."""

    form: Form
    found: str
    needed: str


def standing(store: Store) -> Standing:
    """Looks, and changes nothing. Raises StoreUnavailable."""
    path = sqlite_path(store.url)
    if path is not None and not path.exists():
        return _compare("")
    with store.reading() as connection:
        return _compare(_found(connection))


def require_schema(store: Store) -> None:
    """Raises StoreOutdated unless this Avnu can work with the database as it is."""
    now = standing(store)
    if now.form in (Form.EMPTY, Form.BEHIND):
        raise StoreOutdated(f"{store.place} is {now.form}; {UPGRADE}")


def upgrade(store: Store) -> Standing:
    """Brings the database to the newest form, in one transaction; answers where it stood before.

    May run in several processes at once. A database that is ahead is left alone. Raises
    StoreUnavailable.
    """
    # Late: most processes never migrate, and Alembic takes a while to import.
    from alembic import command

    _prepare_sqlite(store)
    with store.writing() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": _TURN})
        before = _compare(_found(connection))
        if before.form in (Form.EMPTY, Form.BEHIND):
            config = alembic_config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    return before


def _found(connection: Connection) -> str:
    if not inspect(connection).has_table(_VERSIONS):
        return ""
    # The name is a constant of ours.
    found = connection.execute(text(f"SELECT version_num FROM {_VERSIONS}")).scalar()  # noqa: S608
    return str(found or "")


def _compare(found: str) -> Standing:
    known = revisions()
    needed = known[-1]
    if found == needed:
        form = Form.READY
    elif not found:
        form = Form.EMPTY
    else:
        form = Form.BEHIND if found in known else Form.AHEAD
    return Standing(form, found, needed)


def revisions() -> list[str]:
    """The steps that we know, the first one first.

    By the names of their modules, ``r0001_shops.py``: every process looks when it starts, and
    Alembic, which would read each module, takes long to import.
    """
    modules = (one.name for one in iter_modules(versions.__path__))
    return sorted(name[1:].partition("_")[0] for name in modules if name.startswith("r"))


def alembic_config() -> "Config":
    """Where Alembic finds our steps; of the database it says nothing."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "avnu.store:migrations")
    return config


def _prepare_sqlite(store: Store) -> None:
    """Makes the file, readable by its owner only, and lets readers go on beside a writer (WAL)."""
    path = sqlite_path(store.url)
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        # Kept in the file, and not possible within a transaction.
        connection = sqlite3.connect(path, timeout=10, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        finally:
            connection.close()
    except (OSError, sqlite3.Error) as fault:
        raise StoreUnavailable(f"{path} cannot be made: {fault}") from fault
