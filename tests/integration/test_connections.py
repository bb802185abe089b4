"""The factory's clients against real servers: logins, limits, names, and what a fault costs."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kombu
import pytest
import redis

from avnu.connections import Connections
from avnu.server_check import check_server, connections_fault, maxclients_needed
from avnu.settings import Settings
from tests.conftest import PATIENT
from tests.support.servers import REDIS, VALKEY, Server
from tests.support.waiting import standing_still, wait_until

USER, PASSWORD = "avnu", "p@ss:w/rd%"
ROLES = ("inbox", "queue", "cache")


@pytest.fixture(params=[VALKEY, REDIS])
def guarded(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """Settings for a server on which the default user may do nothing."""
    rights = ["~*", "&*", "+@all", "-@dangerous", "+info", "+client"]
    users = ["--user", USER, "on", f">{PASSWORD}", *rights, "--user", "default", "off"]
    with Server(tmp_path / "guarded", kind=request.param, extra=users) as running:
        yield Settings.load(
            {**running.environ(), **PATIENT, "REDIS_USERNAME": USER, "REDIS_PASSWORD": PASSWORD}
        )


def test_an_acl_user_reaches_every_database_by_every_way(guarded: Settings) -> None:
    made = Connections(guarded)
    try:
        for role in ROLES:
            client = getattr(made, role)()
            client.set("key", role)
            assert client.get("key") == role.encode()
            assert client.client_getname() == f"avnu-{role}"
        facts = check_server(made.inbox())
        assert facts.maxclients > 0
        assert connections_fault(facts.maxclients, maxclients_needed(guarded)) is None
    finally:
        made.close()


def test_asyncio_logs_in_the_same_way(guarded: Settings) -> None:
    async def talk() -> tuple[object, object]:
        client = Connections(guarded).inbox_async()
        try:
            await client.set("key", b"\xff\x00")
            return await client.get("key"), await client.client_getname()
        finally:
            await client.aclose()

    assert asyncio.run(talk()) == (b"\xff\x00", "avnu-inbox")


def test_celery_s_address_logs_in(guarded: Settings) -> None:
    made = Connections(guarded)
    with kombu.Connection(
        made.broker_url(), transport_options=made.broker_transport_options()
    ) as broker:
        queue = broker.SimpleQueue("door")
        queue.put("knock")
        assert queue.get(timeout=20).payload == "knock"
        names = {client["name"] for client in made.queue().client_list()}
        queue.close()
    assert "avnu-broker" in names
    made.close()


def test_a_wrong_password_is_refused_at_once(guarded: Settings) -> None:
    wrong = Settings.load(guarded.to_environ() | {"REDIS_PASSWORD": "wrong"})
    with pytest.raises(redis.AuthenticationError) as caught:
        Connections(wrong).inbox().ping()
    assert "wrong" not in str(caught.value).lower().replace("wrongpass", "")


@pytest.mark.alone
def test_a_refused_connection_costs_no_waiting() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        client = Connections(settings_at(taken.getsockname()[1])).inbox()
        started = time.monotonic()
        with standing_still() as still, pytest.raises(redis.ConnectionError):
            client.ping()
    assert time.monotonic() - started < 0.5 + still.sum_s


@pytest.mark.alone
def test_a_hung_server_costs_one_timeout_and_gets_the_command_once(tmp_path: Path) -> None:
    with Server(tmp_path) as own:
        client = Connections(settings_at(own.port, REDIS_SOCKET_TIMEOUT_MS="1000")).inbox()
        assert client.incr("sent") == 1
        own.freeze()
        started = time.monotonic()
        with standing_still() as still, pytest.raises(redis.TimeoutError):
            client.incr("sent")
        assert 0.9 < time.monotonic() - started < 1.9 + still.sum_s
        own.thaw()
        # The server acts on what it received while it was frozen: one command, not two.
        assert wait_until(lambda: int(client.get("sent") or 0) > 1, 20, "the frozen command acted")
        assert client.get("sent") == b"2"


def test_a_restarted_server_is_found_by_the_next_command(tmp_path: Path) -> None:
    with Server(tmp_path) as own:
        client = Connections(settings_at(own.port)).inbox()
        client.set("key", "kept")
        own.restart()
        # The pool sees that the old socket was closed, so no retry is needed for this.
        assert client.get("key") == b"kept"


@pytest.mark.alone
def test_a_full_pool_makes_wait_and_then_fails(server: Server) -> None:
    client, _ = held_up(server, wait_ms=200)
    started = time.monotonic()
    with (
        standing_still() as still,
        pytest.raises(redis.ConnectionError, match="No connection available"),
    ):
        client.ping()
    assert 0.15 < time.monotonic() - started < 1.0 + still.sum_s
    client.connection_pool.disconnect()


def test_who_waits_for_a_full_pool_gets_what_is_given_back(server: Server) -> None:
    client, held = held_up(server, wait_ms=20_000)
    pool = client.connection_pool
    release = threading.Timer(0.05, pool.release, args=[held])
    release.start()
    assert client.ping()
    release.join()
    pool.disconnect()


def held_up(server: Server, wait_ms: int) -> tuple["redis.Redis", Any]:
    """A client whose only connection somebody else has, and that connection."""
    environ = {"REDIS_POOL_SIZE": "1", "REDIS_POOL_WAIT_MS": str(wait_ms)}
    client = Connections(settings_at(server.port, **environ)).inbox()
    return client, client.connection_pool.get_connection()


def test_a_flood_of_one_role_leaves_the_others_their_connections(server: Server) -> None:
    made = Connections(settings_at(server.port, REDIS_POOL_SIZE="2", REDIS_POOL_WAIT_MS="50"))
    pool = made.cache().connection_pool
    held = [pool.get_connection() for _ in range(2)]
    with pytest.raises(redis.ConnectionError):
        made.cache().ping()
    assert made.inbox().ping()
    for connection in held:
        pool.release(connection)
    made.close()


def test_databases_are_kept_apart(settings: Settings) -> None:
    made = Connections(settings)
    for role in ROLES:
        getattr(made, role)().set("whose", role)
    assert [getattr(made, role)().get("whose") for role in ROLES] == [r.encode() for r in ROLES]
    made.queue().flushdb()
    assert made.inbox().get("whose") == b"inbox"
    made.close()


def test_close_leaves_no_connection_behind(settings: Settings, server: Server) -> None:
    made = Connections(settings)
    for role in ROLES:
        getattr(made, role)().ping()
    made.close()

    def ours() -> set[str]:
        with server.client() as client:
            return {c["name"] for c in client.client_list() if c["name"].startswith("avnu-")}

    wait_until(lambda: not ours(), 20, "the server has seen every socket close")


def test_a_real_server_passes_the_check(settings: Settings) -> None:
    made = Connections(settings)
    facts = check_server(made.inbox())
    assert facts.product == "Valkey"
    assert facts.append_only_file
    assert facts.maxclients >= 1000
    made.close()


def settings_at(port: int, **environ: str) -> Settings:
    at = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(port)}
    return Settings.load({**at, **PATIENT, **environ})
