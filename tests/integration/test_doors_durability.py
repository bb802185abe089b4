"""INBOX_DURABILITY: 200 only after disk or replica confirmed, a duplicate no sooner; both doors."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from avnu.settings import Settings
from tests.conftest import API_SECRET, PATIENT
from tests.support.doors import ASGI, DOORS, WSGI, Door, signed
from tests.support.servers import REDIS, Server
from tests.support.waiting import wait_until

BODY = b'{"id": 1}'


def settings_of(server: Server, durability: str, **more: str) -> Settings:
    return Settings.load(
        {
            **server.environ(),
            **PATIENT,
            "SHOPIFY_API_SECRET": API_SECRET,
            "INBOX_DURABILITY": durability,
            "INBOX_DURABILITY_TIMEOUT_MS": "300",
            **more,
        }
    )


@pytest.fixture
def primary(tmp_path: Path) -> Iterator[Server]:
    # It waits for more replicas by default, and no more are to come.
    with Server(tmp_path / "primary", extra=["--repl-diskless-sync-delay", "0"]) as running:
        yield running


@pytest.mark.parametrize("kind", DOORS)
def test_fsync_waits_for_the_disk(kind: str, primary: Server, tmp_path: Path) -> None:
    settings = settings_of(primary, "fsync", INBOX_DURABILITY_TIMEOUT_MS="15000")
    with Door(kind, tmp_path, settings).start() as door:
        assert door.post(BODY).status == 200
        with primary.client() as client:
            client.config_set("appendonly", "no")
            assert door.post(b'{"id": 2}').status == 503  # WAITAOF has become an error
            client.config_set("appendonly", "yes")
        wait_until(lambda: door.post(b'{"id": 3}').status == 200, 20, "the disk confirms again")


@pytest.mark.parametrize("kind", DOORS)
def test_replica_waits_for_one_and_so_does_a_duplicate(
    kind: str, primary: Server, tmp_path: Path
) -> None:
    headers = list(signed(API_SECRET, BODY).items())
    with Door(kind, tmp_path, settings_of(primary, "replica")).start() as door:
        assert door.post(BODY, headers).status == 503
        again = door.post(BODY, headers)
        assert (again.status, again.headers["retry-after"]) == (503, "1")
        assert again.took_s >= 0.29  # it waited, and is no 200 for being known
        with Server(tmp_path / "replica", extra=["--replicaof", f"127.0.0.1 {primary.port}"]):
            wait_until(lambda: door.post(BODY, headers).status == 200, 20, "the replica confirms")
            wait_until(lambda: door.post(b'{"id": 2}').status == 200, 20, "a new one too")
        assert wait_until(lambda: door.post(b'{"id": 3}').status == 503, 20, "the replica has gone")


def test_as_many_replicas_confirm_as_the_settings_say(primary: Server, tmp_path: Path) -> None:
    of = ["--replicaof", f"127.0.0.1 {primary.port}"]
    settings = settings_of(primary, "replica", INBOX_DURABILITY_REPLICAS="2")
    with (
        Door(ASGI, tmp_path, settings).start() as door,
        Server(tmp_path / "first", extra=of) as first,
        first.client() as client,
    ):
        wait_until(
            lambda: client.info("replication")["master_link_status"] == "up", 20, "it follows"
        )
        assert door.post(BODY).status == 503
        with Server(tmp_path / "second", extra=of):
            wait_until(lambda: door.post(BODY).status == 200, 20, "the second confirms too")


def test_a_server_that_cannot_promise_it_is_refused_at_start(tmp_path: Path) -> None:
    """Redis 7.0 has no WAITAOF."""
    with Server(tmp_path / "old", kind=REDIS) as old:
        with old.client() as client:
            version = str(client.info("server")["redis_version"])
        if tuple(map(int, version.split(".")[:2])) >= (7, 2):
            pytest.skip(f"Redis {version} knows WAITAOF")
        for kind in (ASGI, WSGI):
            with Door(kind, tmp_path, settings_of(old, "fsync")).launch() as door:
                assert door.wait(20) != 0
                assert "WAITAOF" in door.log
