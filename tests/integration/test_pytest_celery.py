"""pytest-celery's clusters run Avnu's own app: two workers and the broker, killed and restarted.

On processes of this machine (`tests/support/local_containers.py`) and, where there is an engine, on
containers: pytest-celery's own Redis, and workers of an image that is built from this tree.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from cryptography.fernet import Fernet
from msgspec.structs import replace
from pytest_celery import (
    CeleryTestSetup,
    CeleryTestWorker,
    CeleryWorkerCluster,
    CeleryWorkerContainer,
    RedisContainer,
    RedisTestBroker,
)
from pytest_docker_tools import build, container, fxtr  # type: ignore[import-untyped]

from avnu.app import build_inbox, create_app
from avnu.connections import Connections
from avnu.inbox import Inbox
from avnu.inbox.audit import audit
from avnu.settings import Settings
from tests.support.database import database_environ
from tests.support.deliveries import Maker
from tests.support.local_containers import (
    LocalContainer,
    LocalRedis,
    LocalWorker,
    ProgramPart,
    ServerPart,
)
from tests.support.programs import ROOT, Worker
from tests.support.servers import Server
from tests.support.waiting import wait_until

WORKERS = 2
_WANTED = {"INBOX_LEASE_SECONDS": "5", "QUEUE_CONCURRENCY": "2", "REDIS_CONNECT_TIMEOUT_MS": "500"}


def settings_at(broker: RedisTestBroker) -> Settings:
    """As this process reaches the broker. A container's port changes with a restart."""
    address = {"REDIS_HOST": "localhost", "REDIS_PORT": str(broker.container.port)}
    return Settings.load({**_WANTED, **address})


# ---- the broker


@pytest.fixture(params=["processes", "containers"])
def ground(request: pytest.FixtureRequest) -> str:
    """On what the clusters of this test run."""
    if request.param == "containers" and not _engine():
        pytest.skip("no container engine (Docker) answers")
    return str(request.param)


def _engine() -> bool:
    import docker  # type: ignore[import-untyped]

    try:
        docker.from_env().ping()
    except docker.errors.DockerException:
        return False
    return True


@pytest.fixture
def default_redis_broker_command() -> list[str]:
    """What is acknowledged is kept: the append-only file outlives a restart of the container."""
    return [*RedisContainer.command(), "--appendonly", "yes"]


@pytest.fixture
def celery_broker(
    request: pytest.FixtureRequest, ground: str, tmp_path: Path
) -> Iterator[RedisTestBroker]:
    if ground == "containers":
        yield request.getfixturevalue("celery_redis_broker")
        return
    with Server(tmp_path / "broker") as server:
        part = LocalContainer("broker", ServerPart(server), server.port)
        yield RedisTestBroker(LocalRedis(part))


@pytest.fixture
def celery_backend_cluster() -> None:
    """Avnu keeps no results in Celery."""


# ---- the workers


@pytest.fixture
def worker_environ(celery_broker: RedisTestBroker) -> dict[str, str]:
    """As a worker in a container reaches the broker."""
    host = {"REDIS_HOST": str(celery_broker.container.hostname), "REDIS_PORT": "6379"}
    keys = {
        "TOKEN_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "DATABASE_URL": "sqlite:////tmp/avnu.db",
    }
    return Settings.load({**_WANTED, **host, **keys}).to_environ()


avnu_image = build(
    path=str(ROOT), dockerfile="tests/fixtures/pytest_celery/Dockerfile", scope="session"
)
worker_options: dict[str, Any] = {
    "image": "{avnu_image.id}",
    "environment": fxtr("worker_environ"),
    "network": "{default_pytest_celery_network.name}",
    "command": ["sh", "-c", "avnu db upgrade && exec celery -A avnu worker -l INFO"],
    "wrapper_class": CeleryWorkerContainer,
    "timeout": 120,
}
first_worker_container = container(**worker_options)
second_worker_container = container(**worker_options)


@pytest.fixture
def celery_worker_cluster(
    request: pytest.FixtureRequest, ground: str, celery_broker: RedisTestBroker, tmp_path: Path
) -> Iterator[CeleryWorkerCluster]:
    app = create_app(settings_at(celery_broker))
    if ground == "containers":
        names = ("first_worker_container", "second_worker_container")
        containers = [request.getfixturevalue(name) for name in names]
        yield CeleryWorkerCluster(*(CeleryTestWorker(one, app) for one in containers))
        return
    environ = settings_at(celery_broker).to_environ() | database_environ(tmp_path)
    programs = [Worker(f"w{n}", tmp_path, environ, app="avnu").launch() for n in range(WORKERS)]
    parts = [LocalWorker(LocalContainer(one.name, ProgramPart(one))) for one in programs]
    yield CeleryWorkerCluster(*(CeleryTestWorker(part, app) for part in parts))
    for program in programs:
        program.close()


@pytest.fixture
def celery_setup_app(celery_broker: RedisTestBroker) -> Celery:
    """Avnu's own, where pytest-celery would make one for its demo tasks."""
    return create_app(settings_at(celery_broker))


# ---- the test


@pytest.mark.timeout(600)
def test_everything_settles_whatever_is_restarted(
    celery_setup: CeleryTestSetup, maker: Maker
) -> None:
    assert celery_setup.ready(control=True)
    answered = celery_setup.app.control.ping(timeout=30, limit=WORKERS)
    assert len(answered) == WORKERS
    first, second = celery_setup.worker_cluster.nodes

    accept(celery_setup, maker, 200)
    first.kill()
    assert first.container.status == "exited"
    accept(celery_setup, maker, 200)
    first.restart()
    wait_settled(celery_setup, 400)

    second.kill()
    accept(celery_setup, maker, 200)
    celery_setup.broker.kill()
    celery_setup.broker.restart()
    wait_settled(celery_setup, 600)
    assert first.container.status == "running", "a worker outlives its broker"
    second.restart()
    accept(celery_setup, maker, 100)
    wait_settled(celery_setup, 700)


@pytest.fixture
def maker() -> Maker:
    import random

    return Maker(random.Random(7))


def inbox(setup: CeleryTestSetup) -> Inbox:
    settings = settings_at(setup.broker)
    return build_inbox(settings, Connections(settings))


def accept(setup: CeleryTestSetup, maker: Maker, n: int) -> None:
    """Webhooks that Avnu's own handlers can write without a call of Shopify: whole orders."""
    arrivals = [
        maker.make(f"shop-{i % 7}", id=i + 1, updated_at="2026-07-01T18:00:00Z", line_items=[])
        for i in range(n)
    ]
    answers = inbox(setup).accept([replace(one, topic="orders/create") for one in arrivals])
    assert {str(answer) for answer in answers} == {"accepted"}


def wait_settled(setup: CeleryTestSetup, n: int) -> None:
    """Until so many are done, and the auditor agrees."""
    at = inbox(setup)
    wait_until(lambda: _done(at) == n, 40, f"{n} are settled")
    found = audit(at)
    assert found.ok, found.faults
    assert found.places["settled"] == n


def _done(at: Inbox) -> int:
    return int(at.client.hget(at.keys.of("counts"), "done:orders") or 0)
