"""A backup is read back in the order of deploy/README.md, where Sentinels watch."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from avnu.connection_options import retry
from avnu.embedded import free_port
from tests.support.require import require
from tests.support.trio import Trio
from tests.support.waiting import wait_until

NAMESPACE = "restored"
KEPT, LATER = f"{NAMESPACE}:w:kept", f"{NAMESPACE}:w:later"
INBOX = 2


@pytest.fixture
def trio(tmp_path: Path) -> Iterator[Trio]:
    # No failover is meant to be, also when this machine does not let a server run for a while.
    made = Trio(tmp_path / "trio", NAMESPACE, down_after_ms=20_000)
    try:
        made.start()
        yield made
    finally:
        made.kill()


def test_with_sentinels_what_was_restored_stays(trio: Trio, tmp_path: Path) -> None:
    backup = tmp_path / "backup.rdb"
    primary = trio.node(trio.primary())
    replicas = [node for node in trio.servers if node is not primary]
    with trio.client(INBOX) as client:
        client.set(KEPT, "before the backup")
        before = client.lastsave()
        # LASTSAVE is in whole seconds.
        wait_until(lambda: client.time()[0] > before.timestamp(), 5, "a second has passed")
        client.bgsave()
        wait_until(lambda: client.lastsave() != before, 20, "the backup is written")
        shutil.copy(primary.folder / "dump.rdb", backup)
        client.set(LATER, "after the backup")
        assert client.execute_command("WAIT", 2, 5000) == 2

    for node in (*trio.sentinels, *replicas, primary):
        node.kill()
    (primary.folder / "appendonlydir").rename(primary.folder / "appendonlydir.old")
    shutil.copy(backup, primary.folder / "dump.rdb")
    read_back(primary.folder)
    primary.start()
    for node in replicas:
        (node.folder / "appendonlydir").rename(node.folder / "appendonlydir.old")
        node.start()
    wait_until(lambda: all(trio.follows(node.port) for node in replicas), 20, "both follow")
    for node in trio.sentinels:
        node.start()
    wait_until(trio.all_known, 20, "every Sentinel knows servers and Sentinels")

    assert trio.primary() == primary.port
    for node in trio.servers:
        with trio.client_of(node.port, INBOX) as client:
            assert client.get(KEPT) == b"before the backup"
            assert client.get(LATER) is None
    with trio.client(INBOX) as client:
        assert client.set(LATER, "after the restore") is True


def read_back(folder: Path) -> None:
    """A server without users reads dump.rdb and writes the append-only file."""
    port = free_port()
    command = ("--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder))
    options = ("--appendonly", "no", "--save", "")
    with (
        subprocess.Popen(
            [require("redis-server"), *command, *options], stdout=subprocess.DEVNULL
        ) as process,
        redis.Redis(port=port, db=INBOX, retry=retry()) as client,
    ):
        wait_until(lambda: answers(client), 20, "it has read the backup")
        assert client.exists(KEPT) == 1
        client.config_set("appendonly", "yes")

        def written() -> bool:
            found: Any = client.info("persistence")
            return bool(found["aof_enabled"] and not found["aof_rewrite_in_progress"])

        wait_until(written, 20, "the append-only file is written")
        client.shutdown()
        assert process.wait(20) == 0


def answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except (redis.ConnectionError, redis.BusyLoadingError):
        return False
