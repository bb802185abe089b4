"""What commands about breaker and budget work with: DB 0."""

from collections.abc import Iterator
from contextlib import contextmanager

import redis
from redis.exceptions import RedisError

from avnu.connections import Connections
from avnu.errors import CannotReach
from avnu.settings import Settings, load_settings


@contextmanager
def open_guards_server() -> Iterator[tuple[Settings, "redis.Redis"]]:
    """The settings, and a client on DB 0; closed afterwards.

    Raises SettingsInvalid (exit code 2), and CannotReach (5) for what fails inside because Redis
    does not answer.
    """
    settings = load_settings()
    connections = Connections(settings)
    try:
        yield settings, connections.cache()
    except (RedisError, OSError) as fault:
        host = settings.redis_cache_host or settings.redis_host
        raise CannotReach(f"the cache's server at {host} cannot be reached: {fault}") from fault
    finally:
        connections.close()
