"""The fixture ``world``: guards of several processes on the bundled Valkey and on Redis.

A module asks for it with ``pytest_plugins = ("tests.support.guards_fixtures",)``.
"""

from collections.abc import Iterator

import pytest
import redis

from avnu.connection_options import retry
from avnu.settings import Settings
from tests.support.guards import World, standing_time
from tests.support.servers import REDIS, VALKEY, Server

QUICK = {
    "BREAKER_MIN_CALLS": "10",
    "BREAKER_OPEN_MS": "1000",
    "BREAKER_OPEN_LONGEST_MS": "8000",
    "BREAKER_PROBE_MS": "5000",
}


@pytest.fixture(scope="session")
def guards_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The installed Redis, for the whole session; skipped by name where it is not installed."""
    with Server(tmp_path_factory.mktemp("guards-redis"), kind=REDIS) as running:
        yield running


@pytest.fixture(params=[VALKEY, REDIS])
def world(request: pytest.FixtureRequest, settings: Settings) -> Iterator[World]:
    """One deployment on either server, emptied, with short times."""
    environ = settings.to_environ() | QUICK
    if request.param == REDIS:
        server: Server = request.getfixturevalue("guards_redis")
        with server.client() as client:
            client.flushall()
        environ |= server.environ()
    known = Settings.load(environ)
    with (
        standing_time(),
        redis.Redis(
            host=known.redis_host, port=known.redis_port, db=0, socket_timeout=20, retry=retry()
        ) as client,
    ):
        yield World(known, client)
