"""The committer's connection is opened by redis-py, so whatever that can reach, it can: TLS, ACL,
Sentinel; and what goes wrong on it is told.
"""

import asyncio
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import hiredis
import pytest
import redis
import uvloop

from avnu.connections import Connections
from avnu.embedded import free_port
from avnu.settings import Settings
from tests.conftest import PATIENT
from tests.support.require import require
from tests.support.servers import REDIS, Server
from tests.support.waiting import wait_until
from webhooks.link import Link

Run = Callable[[Awaitable[None]], None]
RUNS: list[Any] = [asyncio.run, uvloop.run]


@pytest.fixture(params=RUNS, ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Any:
    """Runs a coroutine in each kind of event loop: they take over sockets differently."""
    return request.param


def settings_of(port: int, **environ: str) -> Settings:
    at = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(port)}
    return Settings.load({**at, **PATIENT, **environ})


async def works(settings: Settings) -> None:
    """Two commands in one write, an error among the replies, a large value both ways."""
    link = await Link.open(Connections(settings).inbox_async())
    large = b"x" * 9_000_000
    replies = await link.ask([[b"SET", b"door", large], [b"NONSENSE"], [b"GET", b"door"]])
    assert replies[0] == b"OK"
    assert isinstance(replies[1], hiredis.ReplyError)
    assert replies[2] == large
    for n in range(50):
        assert await link.ask([[b"ECHO", b"%d" % n]]) == [b"%d" % n]
    assert not link.lost.is_set()
    await link.close()
    assert link.lost.is_set()
    with pytest.raises(ConnectionError):
        await link.ask([[b"PING"]])
    await link.close()


def test_plain(run: Run, settings: Settings) -> None:
    run(works(settings))


def test_an_acl_user(run: Run, server: Server, settings: Settings) -> None:
    with server.client() as client:
        client.execute_command("ACL SETUSER door on >word ~* +@all")
        login = {"REDIS_USERNAME": "door", "REDIS_PASSWORD": "word"}
        run(works(settings_of(server.port, **login)))
        wrong = settings_of(server.port, REDIS_USERNAME="door", REDIS_PASSWORD="no")
        with pytest.raises(redis.AuthenticationError):
            run(works(wrong))
        client.execute_command("ACL DELUSER door")


def test_a_connection_that_ends_tells_who_waits(
    run: Run, server: Server, settings: Settings
) -> None:
    async def cut() -> None:
        told = []
        link = await Link.open(Connections(settings).inbox_async())
        link.when_lost(lambda: told.append(True))
        waiting = asyncio.create_task(link.ask([[b"BLPOP", b"nothing", b"0"]]))
        await asyncio.sleep(0)
        with server.client() as client:
            wait_until(lambda: blocked(client), 20, "the command is there")
            client.execute_command("CLIENT KILL TYPE normal SKIPME yes")
        with pytest.raises(ConnectionError):
            await waiting
        assert told == [True]
        await link.close()

    def blocked(client: redis.Redis) -> bool:
        return any(one["cmd"] == "blpop" for one in client.client_list())

    run(cut())


def test_what_is_no_redis_is_told(run: Run) -> None:
    async def talk() -> None:
        async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while line := await reader.readline():
                if line.startswith(b"PING"):
                    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                elif line.strip() in {b"CLIENT", b"SELECT"}:
                    writer.write(b"+OK\r\n")
            writer.close()

        async with await asyncio.start_server(babble, "127.0.0.1", 0) as babbler:
            port = babbler.sockets[0].getsockname()[1]
            link = await Link.open(Connections(settings_of(port)).inbox_async())
            with pytest.raises(ConnectionError, match="not a Redis reply"):
                await link.ask([[b"PING"]])
            await link.close()

    run(talk())


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[Settings]:
    """A Redis that speaks TLS, with a certificate for localhost signed by itself."""
    certificate, key, port = tmp_path / "cert.pem", tmp_path / "key.pem", free_port()
    subprocess.run(
        [
            *(require("openssl"), "req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"),
            *("-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    extra = [
        *("--tls-port", str(port), "--tls-cert-file", str(certificate)),
        *("--tls-key-file", str(key), "--tls-ca-cert-file", str(certificate)),
        *("--tls-auth-clients", "no"),
    ]
    with Server(tmp_path / "tls", kind=REDIS, extra=extra):
        yield settings_of(
            port,
            REDIS_HOST="localhost",
            REDIS_TLS_ENABLED="true",
            REDIS_TLS_CA_FILE=str(certificate),
        )


def test_tls(run: Run, tls: Settings) -> None:
    run(works(tls))


@pytest.fixture
def sentinel(tmp_path: Path) -> Iterator[Settings]:
    """One primary and one Sentinel that knows it."""
    port = free_port()
    rules = tmp_path / "sentinel.conf"
    with Server(tmp_path / "primary", kind=REDIS) as primary:
        rules.write_text(
            f"port {port}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 {primary.port} 1\n"
        )
        with subprocess.Popen(
            [require("redis-server"), str(rules), "--sentinel"],
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
        ) as process:
            with redis.Redis(port=port) as client:
                wait_until(lambda: answers(client), 20, "the Sentinel answers")
            yield settings_of(1, REDIS_SENTINELS=f"127.0.0.1:{port}", REDIS_SENTINEL_MASTER="main")
            process.terminate()


def answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


def test_sentinel(run: Run, sentinel: Settings) -> None:
    run(works(sentinel))
