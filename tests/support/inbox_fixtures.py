"""The fixture ``inbox``: every test that takes it runs on the bundled Valkey and on Redis.

A module asks for it with ``pytest_plugins = ("tests.support.inbox_fixtures",)``.
"""

from collections.abc import Iterator

import pytest

from avnu.inbox import Inbox
from avnu.settings import Settings
from tests.support.inbox import still_inbox
from tests.support.servers import REDIS, VALKEY, Server

PARTITIONS = 4


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The installed Redis, for the whole session; skipped by name where it is not installed."""
    with Server(tmp_path_factory.mktemp("redis"), kind=REDIS) as running:
        yield running


@pytest.fixture(params=[VALKEY, REDIS])
def both(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    """Settings of either server, emptied, with few partitions."""
    environ = settings.to_environ() | {"INBOX_PARTITIONS": str(PARTITIONS)}
    if request.param == REDIS:
        server: Server = request.getfixturevalue("redis_server")
        with server.client() as client:
            client.flushall()
        environ |= server.environ()
    return Settings.load(environ)


@pytest.fixture
def inbox(both: Settings) -> Iterator[Inbox]:
    """Its time stands still until a test moves it."""
    opened = still_inbox(both)
    yield opened
    opened.client.close()
