"""deploy/bull-left.sh sees every job that Bull or BullMQ has still to do, wherever it stands."""

import os
import subprocess
from collections.abc import Iterator

import pytest
import redis

from tests.support.programs import ROOT
from tests.support.require import require
from tests.support.servers import Server

DATABASE = 3


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("bull")) as started:
        yield started


@pytest.fixture
def client(server: Server) -> Iterator[redis.Redis]:
    """A database in which a queue has been, and has nothing left."""
    client = server.client(DATABASE)
    client.hset("bull:orders:meta", "opts.maxLenEvents", "10000")
    client.zadd("bull:orders:completed", {"1": 1})
    client.hset("bull:orders:1", "name", "orders/create")
    yield client
    client.flushdb()
    client.close()


def left(server: Server, database: int = DATABASE, **environ: str) -> tuple[int, str]:
    """Exit code and what is said, as a runbook's reader sees it."""
    require("redis-cli")
    said = subprocess.run(
        [str(ROOT / "deploy" / "bull-left.sh"), "-p", str(server.port), "-n", str(database)],
        env={"PATH": os.environ["PATH"], **environ},
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    return said.returncode, said.stdout + said.stderr


def test_a_queue_that_is_empty_is_named(server: Server, client: redis.Redis) -> None:
    client.zadd("bull:orders:failed", {"2": 1})
    code, said = left(server)
    assert code == 0
    assert said.startswith("left=0 orders wait=0 active=0 paused=0 ")
    assert "failed=1" in said


@pytest.mark.parametrize("state", ["wait", "active", "paused"])
def test_what_stands_in_a_list_is_left(server: Server, client: redis.Redis, state: str) -> None:
    client.rpush(f"bull:orders:{state}", "7", "8")
    code, said = left(server)
    assert (code, said.split()[0]) == (1, "left=2")
    assert f" {state}=2 " in said


@pytest.mark.parametrize("state", ["delayed", "prioritized", "waiting-children"])
def test_what_stands_in_a_set_is_left(server: Server, client: redis.Redis, state: str) -> None:
    client.zadd(f"bull:orders:{state}", {"7": 1})
    code, said = left(server)
    assert (code, said.split()[0]) == (1, "left=1")
    assert f" {state}=1 " in said


@pytest.mark.parametrize("key", ["paused", "wait"])
def test_a_queue_of_bull_is_found_without_meta(
    server: Server, client: redis.Redis, key: str
) -> None:
    client.rpush(f"bull:from bull 4:{key}", "1")
    code, said = left(server)
    assert code == 1
    assert "left=0 orders " in said
    assert "left=1 from bull 4 " in said


def test_another_prefix(server: Server, client: redis.Redis) -> None:
    client.rpush("shop:mails:wait", "1")
    assert left(server)[0] == 0
    assert left(server, BULL_PREFIX="shop")[0] == 1


def test_nothing_found_is_not_nothing_left(server: Server, client: redis.Redis) -> None:
    code, said = left(server, database=DATABASE + 1)
    assert code == 2
    assert "no queue" in said
    client.config_set("requirepass", "secret")
    try:
        assert left(server)[0] == 2
        assert left(server, REDISCLI_AUTH="secret")[0] == 0
    finally:
        client.config_set("requirepass", "")
