"""Settings of the Redis servers: addresses, logins, limits. Part of ``avnu/settings/table.py``."""

import dataclasses

from avnu.secret import Secret
from avnu.settings.kinds import DAY_S, HOST, Flag, Hidden, Server, Servers, Text, row, whole

USER = Text("ACL user name")
PATH = Text("path")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RedisSettings:
    """Redis: queue and inbox."""

    redis_host: str = row(
        HOST,
        "localhost",
        "Server of queue and inbox; `avnu up` starts its own while this is unset.",
    )
    redis_port: int = whole(6379, "port", "Port of that server.", 1, 65535)
    redis_username: str = row(USER, "", "ACL user; empty for the default user.")
    redis_password: Secret = row(Hidden(), Secret(), "Password of that user.")
    redis_tls_enabled: bool = row(Flag(), False, "Speak TLS to Redis and check its certificate.")
    redis_tls_ca_file: str = row(
        PATH, "", "Certificates to trust (PEM); empty trusts those of the system."
    )
    redis_sentinels: tuple[Server, ...] = row(
        Servers(), (), "Sentinels to ask for the primary; then host and port above are not used."
    )
    redis_sentinel_master: str = row(
        Text("name"), "", "Name under which the Sentinels know the primary."
    )
    redis_sentinel_password: Secret = row(Hidden(), Secret(), "Password of the Sentinels.")
    redis_cache_db: int = whole(0, "database", "Logical database of the cache.", 0, 1023)
    redis_queue_db: int = whole(1, "database", "Logical database of Celery.", 0, 1023)
    redis_webhook_db: int = whole(2, "database", "Logical database of the inbox.", 0, 1023)
    redis_ttl_seconds: int = whole(
        DAY_S,
        "s",
        "How long a settled webhook is remembered, so that a repeat is known as a duplicate.",
        60,
        30 * DAY_S,
    )
    redis_connect_timeout_ms: int = whole(
        1000, "ms", "Longest wait for a connection to open.", 50, 30000
    )
    redis_socket_timeout_ms: int = whole(
        2000, "ms", "Longest wait for the answer to one command.", 50, 60000
    )
    redis_pool_size: int = whole(
        8,
        "connections",
        "Most connections of one process to one role (inbox, queue, cache, entries).",
        1,
        512,
    )
    redis_pool_wait_ms: int = whole(
        500, "ms", "Longest wait for a free connection when all of them are in use.", 1, 30000
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class CacheServerSettings:
    """Redis: a server of its own for the cache, so that eviction there cannot reach the inbox."""

    redis_cache_host: str = row(HOST, "", "Server of the cache; empty uses the server above.")
    redis_cache_port: int = whole(6379, "port", "Port of that server.", 1, 65535)
    redis_cache_username: str = row(USER, "", "ACL user there; empty for the default user.")
    redis_cache_password: Secret = row(Hidden(), Secret(), "Password of that user.")
