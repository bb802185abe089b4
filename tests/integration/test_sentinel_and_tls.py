"""Connections through Sentinel and over TLS, on the installed Redis: the bundled one has no TLS."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kombu
import pytest
import redis

from avnu import connection_options
from avnu.connection_options import retry
from avnu.connections import Connections
from avnu.embedded import free_port
from avnu.settings import Settings
from tests.support.require import require
from tests.support.servers import REDIS, Server
from tests.support.trio import Trio
from tests.support.waiting import wait_until

# Not sooner: a primary that this machine does not let run for a second is not to be replaced.
DOWN_AFTER_MS = 3000
SENTINEL_RULES = """
sentinel monitor main 127.0.0.1 {port} 1
sentinel down-after-milliseconds main {down_after_ms}
sentinel failover-timeout main 3000
"""


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a Sentinel that is busy: here is one of it, and nobody else to ask."""
    monkeypatch.setattr(connection_options, "SENTINEL_TIMEOUT_S", 5.0)


def speaks(settings: Settings) -> None:
    """Every way to the server works: three roles, asyncio and Celery's broker."""
    made = Connections(settings)
    for role in ("inbox", "queue", "cache"):
        getattr(made, role)().set("whose", role)
        assert getattr(made, role)().get("whose") == role.encode()
    beat = made.schedule()
    assert beat.get("whose") == "queue"
    beat.close()
    asyncio.run(speaks_async(made))
    with kombu.Connection(
        made.broker_url(),
        transport_options=made.broker_transport_options(),
        ssl=made.broker_use_ssl() or False,
    ) as broker:
        queue = broker.SimpleQueue("door")
        queue.put("knock")
        assert queue.get(timeout=5).payload == "knock"
        queue.close()
    made.close()


async def speaks_async(made: Connections) -> None:
    client = made.inbox_async()
    assert await client.get("whose") == b"inbox"
    await client.aclose()


@pytest.fixture
def primary(tmp_path: Path) -> Iterator[Server]:
    # The primary waits for more replicas by default, and no more are to come.
    alone = ["--repl-diskless-sync-delay", "0"]
    with Server(tmp_path / "primary", kind=REDIS, extra=alone) as running:
        yield running


@pytest.fixture
def replica(tmp_path: Path, primary: Server) -> Iterator[Server]:
    of = ["--replicaof", f"127.0.0.1 {primary.port}"]
    with Server(tmp_path / "replica", kind=REDIS, extra=of) as running:
        with running.client() as client:
            wait_until(
                lambda: client.info("replication")["master_link_status"] == "up",
                20,
                "the replica follows",
            )
        yield running


@pytest.fixture
def sentinel(tmp_path: Path, primary: Server, replica: Server) -> Iterator[redis.Redis]:
    """One Sentinel that fails over alone; it knows the replica."""
    port = free_port()
    rules = tmp_path / "sentinel.conf"
    rules.write_text(
        f"port {port}\nbind 127.0.0.1"
        + SENTINEL_RULES.format(port=primary.port, down_after_ms=DOWN_AFTER_MS)
    )
    with subprocess.Popen(
        [require("redis-server"), str(rules), "--sentinel"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
    ) as process:
        try:
            with redis.Redis(port=port, decode_responses=True) as client:
                wait_until(lambda: knows_replica(client), 20, "the Sentinel knows the replica")
                yield client
        finally:
            process.terminate()


def knows_replica(sentinel: redis.Redis) -> bool:
    try:
        state: Any = sentinel.sentinel_master("main")
    except redis.ConnectionError:
        return False
    return bool(state["num-slaves"] == 1)


def test_the_primary_is_found_and_found_again_after_a_failover(
    sentinel: redis.Redis, primary: Server, replica: Server
) -> None:
    port = sentinel.connection_pool.connection_kwargs["port"]
    settings = Settings.load(
        {"REDIS_SENTINELS": f"127.0.0.1:{port}", "REDIS_SENTINEL_MASTER": "main"}
    )
    speaks(settings)
    made = Connections(settings)
    made.inbox().set("before", "kept")
    assert made.inbox().execute_command("WAIT", 1, 5000) == 1
    primary.kill()
    wait_until(
        lambda: kept_by_the_new_primary(made), 30, "the replica was promoted, the pool found it"
    )
    with replica.client(settings.redis_webhook_db) as client:
        assert client.get("after") == b"written"
    made.close()
    speaks(settings)


def kept_by_the_new_primary(made: Connections) -> bool:
    try:
        made.inbox().set("after", "written")
        return made.inbox().get("before") == b"kept"
    except redis.RedisError:
        return False


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """A folder with a certificate for localhost and its key, signed by itself."""
    subprocess.run(
        [
            *(require("openssl"), "req", "-x509", "-newkey", "ec"),
            *("-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")),
        ],
        check=True,
        capture_output=True,
    )
    return tmp_path


@pytest.fixture
def tls_port(tmp_path: Path, certificates: Path) -> Iterator[int]:
    port = free_port()
    tls = {
        "--tls-port": str(port),
        "--tls-cert-file": str(certificates / "cert.pem"),
        "--tls-key-file": str(certificates / "key.pem"),
        "--tls-ca-cert-file": str(certificates / "cert.pem"),
        "--tls-auth-clients": "no",
    }
    extra = [part for pair in tls.items() for part in pair]
    with Server(tmp_path / "tls", kind=REDIS, extra=extra):
        yield port


def test_tls_to_a_trusted_certificate_works_everywhere(tls_port: int, certificates: Path) -> None:
    speaks(tls_settings(tls_port, REDIS_TLS_CA_FILE=str(certificates / "cert.pem")))


def test_over_tls_the_primary_is_found_and_found_again_after_a_failover(tmp_path: Path) -> None:
    trio = Trio(tmp_path / "trio", "avnu", DOWN_AFTER_MS, tls=True)
    trio.start()
    try:
        settings = Settings.load(trio.environ())
        speaks(settings)
        made = Connections(settings)
        made.inbox().set("before", "kept")
        assert made.inbox().execute_command("WAIT", 2, 5000) == 2
        old = trio.primary()
        trio.node(old).kill()
        wait_until(
            lambda: kept_by_the_new_primary(made), 30, "a replica was promoted, the pool found it"
        )
        made.close()
        assert trio.primary() != old
        speaks(settings)
        for node in (trio.sentinels[0], trio.node(trio.primary())):
            once = redis.Redis(port=node.port, retry=retry())
            with once as plain, pytest.raises(redis.ConnectionError):
                plain.ping()
    finally:
        trio.kill()


def test_an_unknown_certificate_is_refused(tls_port: int) -> None:
    with pytest.raises(redis.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
        Connections(tls_settings(tls_port)).inbox().ping()


def test_a_certificate_for_another_name_is_refused(tls_port: int, certificates: Path) -> None:
    settings = tls_settings(
        tls_port, REDIS_HOST="127.0.0.1", REDIS_TLS_CA_FILE=str(certificates / "cert.pem")
    )
    with pytest.raises(redis.ConnectionError, match="IP address mismatch"):
        Connections(settings).inbox().ping()


def tls_settings(port: int, **environ: str) -> Settings:
    return Settings.load(
        {
            "REDIS_HOST": "localhost",
            "REDIS_PORT": str(port),
            "REDIS_TLS_ENABLED": "true",
            **environ,
        }
    )
