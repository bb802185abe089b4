"""The form of the database: made, upgraded by several at once, and the same as ``tables.py``."""

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from avnu.clock import SystemClock
from avnu.errors import StoreOutdated, StoreUnavailable
from avnu.secret import Secret
from avnu.store import tables
from avnu.store.database import Store
from avnu.store.engine import sqlite_path
from avnu.store.market import tables as market_tables
from avnu.store.schema import Form, alembic_config, require_schema, revisions, standing, upgrade
from avnu.store.shops import Shops
from avnu.store.tables import metadata
from tests.support.waiting import wait_until

pytest_plugins = ("tests.support.store_fixtures",)

_UPGRADE = """
import sys
from avnu.secret import Secret
from avnu.store.database import Store
from avnu.store.schema import upgrade
sys.stdin.readline()
print(upgrade(Store(Secret(sys.argv[1]))).form)
"""


def test_an_empty_database_is_brought_to_the_newest_form_once(bare_database: Secret) -> None:
    with Store(bare_database) as store:
        assert standing(store).form is Form.EMPTY
        with pytest.raises(StoreOutdated, match="avnu db upgrade"):
            require_schema(store)
        assert upgrade(store).form is Form.EMPTY
        assert standing(store).form is Form.READY
        require_schema(store)
        assert upgrade(store).form is Form.READY


def test_the_steps_lead_to_the_tables(store: Store) -> None:
    # Both halves of the metadata are known, or the comparison would look at one.
    every = (*tables.EVERY, *market_tables.EVERY)
    assert {table.name for table in every} == set(metadata.tables)
    with store.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_names_of_the_steps_tell_what_alembic_reads_in_them() -> None:
    scripts = ScriptDirectory.from_config(alembic_config())
    newest_first = [step.revision for step in scripts.walk_revisions()]
    assert revisions() == newest_first[::-1]
    assert revisions()[-1:] == scripts.get_heads()


def test_two_upgrades_at_once_take_turns(bare_database: Secret) -> None:
    together = [
        subprocess.Popen(
            [sys.executable, "-c", _UPGRADE, bare_database.reveal()],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    for process in together:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    ends = [process.communicate(timeout=60) for process in together]
    assert sorted(out for out, _ in ends) == ["empty\n", "ready\n"], ends


def test_a_database_that_a_newer_avnu_has_changed_is_left_alone(bare_database: Secret) -> None:
    with Store(bare_database) as store:
        upgrade(store)
        with store.writing() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        assert standing(store).form is Form.AHEAD
        require_schema(store)
        assert upgrade(store).form is Form.AHEAD
        assert standing(store).found == "9999"


def test_a_missing_table_says_what_to_run(bare_database: Secret) -> None:
    with Store(bare_database) as store:
        path = sqlite_path(store.url)
        for made in (False, True):
            if made and path is not None:
                path.parent.mkdir()
                sqlite3.connect(path).close()
            with pytest.raises(StoreOutdated, match="avnu db upgrade"):
                Shops(store, SystemClock()).get("one.myshopify.com")


def test_an_sqlite_file_is_private_and_readers_go_on_beside_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "data" / "avnu.db"
    with Store(Secret(f"sqlite:///{path}")) as store:
        upgrade(store)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        with store.writing() as writer:
            writer.execute(text("UPDATE alembic_version SET version_num = '1'"))
            with store.reading() as reader:
                found = reader.execute(text("SELECT version_num FROM alembic_version")).scalar()
                assert found == revisions()[-1]


def test_a_path_with_strange_characters_is_one_path(tmp_path: Path) -> None:
    path = tmp_path / "a b #é.db"
    with Store(Secret(f"sqlite:///{path}")) as store:
        upgrade(store)
        assert standing(store).form is Form.READY
        assert path.exists()


def test_a_failed_step_leaves_nothing_behind(
    bare_database: Secret, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alembic.operations import Operations

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the step fails after it has made its table")

    with Store(bare_database) as store:
        with monkeypatch.context() as patch:
            patch.setattr(Operations, "create_index", fail)
            with pytest.raises(RuntimeError):
                upgrade(store)
        assert standing(store).form is Form.EMPTY
        upgrade(store)
        assert standing(store).form is Form.READY


def test_a_server_that_is_not_there_is_unavailable_and_its_password_not_told() -> None:
    address = Secret("postgresql://avnu:hush@127.0.0.1:9/avnu")
    with Store(address) as store, pytest.raises(StoreUnavailable) as caught:
        standing(store)
    assert "127.0.0.1:9" in str(caught.value)
    assert "hush" not in f"{caught.value} {caught.value.__cause__}"


def test_a_child_after_a_fork_has_connections_of_its_own(store: Store) -> None:
    query = text("SELECT version_num FROM alembic_version")
    with store.reading() as connection:
        connection.execute(query)
    pid = os.fork()
    if pid == 0:
        try:
            for _ in range(20):
                with store.reading() as connection:
                    connection.execute(query)
            os._exit(0)
        finally:
            os._exit(1)
    for _ in range(20):
        with store.reading() as connection:
            assert connection.execute(query).scalar() == revisions()[-1]
    ended = wait_until(lambda: os.waitpid(pid, os.WNOHANG)[1:] if _ended(pid) else None, 30, "end")
    assert ended == (0,)


def _ended(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] == "Z"
