"""Fixtures of everything that calls Shopify: a sandbox over real HTTP, and the client before it.

A module asks for them with ``pytest_plugins = ("tests.support.shopify_fixtures",)``.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from avnu.clock import SystemClock
from avnu.connections import Connections
from avnu.sandbox.admin import AdminSandbox, World
from avnu.secret import Secret
from avnu.settings import Settings
from tests.support.database import database_environ
from tests.support.deployment import CLIENT_ID, CLIENT_SECRET, PATIENT, SHOP, Deployment


@pytest.fixture
def sandbox() -> Iterator[AdminSandbox]:
    with AdminSandbox(
        World([SHOP]),
        SystemClock(),
        client_id=CLIENT_ID,
        client_secret=Secret(CLIENT_SECRET),
    ) as running:
        yield running


@pytest.fixture
def deploy(
    settings: Settings, sandbox: AdminSandbox, tmp_path: Path
) -> Iterator[Callable[..., Deployment]]:
    """``deploy(NAME="value")``: with these settings beside the usual ones; QUICK for silence."""
    made: list[Deployment] = []

    def deploy(**changes: str) -> Deployment:
        environ = {
            **settings.to_environ(),
            **database_environ(tmp_path),
            **PATIENT,
            "SHOPIFY_API_KEY": CLIENT_ID,
            "SHOPIFY_API_SECRET": CLIENT_SECRET,
            "SHOPIFY_ADMIN_ORIGIN": sandbox.origin,
            **changes,
        }
        known = Settings.load(environ)
        made.append(Deployment(sandbox, known, Connections(known)))
        return made[-1]

    yield deploy
    sandbox.weather.clear()
    for one in made:
        one.close()


@pytest.fixture
def deployment(deploy: Callable[..., Deployment]) -> Deployment:
    """One that has a shop with the app."""
    made = deploy()
    made.install()
    return made
