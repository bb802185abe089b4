"""Fixtures of the tests that run against both doors: import them where they are wanted."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from avnu.app import build_inbox
from avnu.connections import Connections
from avnu.embedded import free_port
from avnu.inbox import Inbox
from avnu.settings import Settings
from tests.conftest import API_SECRET, PATIENT
from tests.support.doors import DOORS, Door
from tests.support.servers import Server

NAMESPACE = "doors"
# Small limits, so that a test reaches them quickly.
BODY_S = 2
LIMITS = {
    "WEBHOOK_MAX_BYTES": "100000",
    "WEBHOOK_INFLIGHT_BYTES": "1048576",
    "WEBHOOK_BODY_SECONDS": str(BODY_S),
}


@pytest.fixture(scope="module")
def door_settings(server: Server) -> Settings:
    """The settings of the module's doors."""
    return Settings.load(
        {
            **server.environ(),
            **PATIENT,
            **LIMITS,
            "AVNU_NAMESPACE": f"{NAMESPACE}{free_port()}",
            "SHOPIFY_API_SECRET": API_SECRET,
            "SHOPIFY_API_SECRET_PREVIOUS": "the-secret-before",
            "METRICS_TOKEN": "made-up-token",
        }
    )


@pytest.fixture(scope="module", params=DOORS)
def door(
    request: pytest.FixtureRequest,
    door_settings: Settings,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Door]:
    """One of the two doors, running for the whole module."""
    folder: Path = tmp_path_factory.mktemp("door")
    with Door(request.param, folder, door_settings).start() as running:
        yield running


@pytest.fixture
def inbox(door: Door, door_settings: Settings, server: Server) -> Iterator[Inbox]:
    """The inbox behind the door, emptied."""
    door.get("/metrics")  # what the door has counted so far is another test's
    with server.client() as client:
        client.flushall()
    connections = Connections(door_settings)
    yield build_inbox(door_settings, connections)
    connections.close()


def counted(door: Door, inbox: Inbox, name: str) -> int:
    """A counter of the inbox, summed over areas: ``accepted``, ``rejected`` …"""
    assert door.get("/metrics").status == 200  # which flushes the door's own first
    every = inbox.client.hgetall(inbox.keys.of("counts"))
    return sum(int(n) for key, n in every.items() if key.decode().partition(":")[0] == name)
