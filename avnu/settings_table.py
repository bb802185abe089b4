"""Every setting of Avnu: variable, kind, default, bounds and one sentence each.

This table drives parsing, ``.env.example`` and the documentation. To add a setting, add a line to
the group it belongs to, then write the example anew with ``python -m avnu.settings_example``.
A class is one group; the first line of its docstring is the heading in ``.env.example``.
"""

import dataclasses
import enum

from avnu.settings_kinds import (
    Choice,
    Flag,
    Hidden,
    HiddenList,
    Secret,
    Server,
    Servers,
    Text,
    row,
    whole,
)

DAY_S = 86400
MIB = 1024 * 1024
NAMESPACE = r"[a-z0-9][a-z0-9_-]{0,31}"
API_VERSION = r"[0-9]{4}-(01|04|07|10)|unstable"

HOST = Text(
    "host name or address", r"[^\s/@]*[^\s/@:]", "give a name or address without scheme or port"
)
USER = Text("ACL user name")
PATH = Text("path")


class Durability(enum.StrEnum):
    """What has happened to a webhook before Shopify gets its 200."""

    MEMORY = "memory"
    FSYNC = "fsync"
    REPLICA = "replica"


class LogLevel(enum.StrEnum):
    """The levels of Python's logging that make sense in operation."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


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
        "Most connections of one process to one role (inbox, queue, cache).",
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


@dataclasses.dataclass(frozen=True, kw_only=True)
class QueueSettings:
    """Queue: the names and meanings of the Bull service."""

    queue_concurrency: int = whole(3, "processes", "Children of one worker.", 1, 256)
    queue_attempts: int = whole(
        3, "runs", "Failed runs in total, the first included, before a webhook is dead.", 1, 100
    )
    queue_backoff_delay: int = whole(
        5000, "ms", "Delay after the first failed run; doubled after each further one.", 1, 3600000
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShopifySettings:
    """Shopify: the app whose webhooks come in."""

    shopify_api_key: str = row(Text("text"), "", "Client id of the app.")
    shopify_api_secret: Secret = row(
        Hidden(),
        Secret(),
        "Client secret of the app, which signs the webhooks; the receiver needs it.",
    )
    shopify_api_secret_previous: Secret = row(
        Hidden(), Secret(), "The secret before this one, accepted while a rotation is under way."
    )
    shopify_api_version: str = row(
        Text("version", API_VERSION, "write a quarter such as 2026-07, or unstable"),
        "2026-07",
        "Version of the Admin API.",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServiceSettings:
    """Avnu itself."""

    avnu_namespace: str = row(
        Text("prefix", NAMESPACE, "use 1 to 32 of a-z 0-9 _ -, beginning with a letter or digit"),
        "avnu",
        "Prefix of every key: one deployment serves one Shopify app.",
    )
    avnu_host: str = row(HOST, "127.0.0.1", "Address on which `avnu up` serves.")
    avnu_port: int = whole(
        8000, "port, 0 for any free one", "Port on which `avnu up` serves.", 0, 65535
    )
    log_level: LogLevel = row(Choice(LogLevel), LogLevel.INFO, "Least level that is logged.")
    metrics_token: Secret = row(
        Hidden(), Secret(), "Bearer token that opens /metrics and /readyz beyond loopback."
    )
    database_url: Secret = row(
        Hidden("SQLAlchemy address, may hold a password"),
        Secret("sqlite:///avnu.db"),
        "The marketplace's database.",
    )
    token_encryption_keys: tuple[Secret, ...] = row(
        HiddenList("Fernet keys, separated by commas"),
        (),
        "Keys of the stored tokens, newest first.",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class InboxSettings:
    """Inbox: where a webhook is kept from its 200 until it is settled."""

    inbox_partitions: int = whole(
        16,
        "partitions",
        "Partitions of each area: how many workers can work on it at once.",
        1,
        1024,
    )
    inbox_batch: int = whole(50, "webhooks", "Most webhooks of one shop in one turn.", 1, 1000)
    inbox_batch_bytes: int = whole(
        4 * MIB, "bytes", "Most bytes of bodies in one turn, beyond the first.", 1024, 64 * MIB
    )
    inbox_slice_ms: int = whole(
        250, "ms", "How long one Celery message drains before it hands over.", 10, 60000
    )
    inbox_lease_seconds: int = whole(
        15, "s", "Term of a lease: a dead worker's webhooks run again after it.", 5, 300
    )
    inbox_handler_seconds: int = whole(
        60, "s", "Longest run of one handler; its lease is renewed no further.", 5, 3600
    )
    inbox_full_percent: int = whole(
        85,
        "% of maxmemory",
        "Above this the receiver answers 503, and what is kept drains.",
        50,
        95,
    )
    inbox_durability: Durability = row(
        Choice(Durability),
        Durability.MEMORY,
        "What 200 promises: as durable as Redis is set up, on its disk, or at a replica.",
    )
    inbox_durability_timeout_ms: int = whole(
        1000, "ms", "Longest wait for disk or replica before the receiver answers 503.", 10, 30000
    )
    inbox_solo_per_second: int = whole(
        200,
        "webhooks/s",
        "Most webhooks that retries and replays put into Celery per second.",
        1,
        100000,
    )
    inbox_replay_guard_seconds: int = whole(
        DAY_S, "s", "How long a signature is remembered against replays.", 60, 30 * DAY_S
    )
    park_first_seconds: int = whole(5, "s", "First rest of a shop that cannot be served.", 1, 3600)
    park_longest_seconds: int = whole(
        300, "s", "Longest single rest; rests double up to it.", 1, DAY_S
    )
    park_max_seconds: int = whole(
        DAY_S, "s", "After this long without service a parked webhook is dead.", 60, 30 * DAY_S
    )
    dead_ttl_seconds: int = whole(
        30 * DAY_S, "s", "How long dead letters are kept for the operator.", 3600, 366 * DAY_S
    )
    unhandled_seconds: int = whole(
        3600,
        "s",
        "How long a topic that no worker knows is tried again before it is dead.",
        60,
        30 * DAY_S,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class WebhookSettings:
    """Receiver: what it accepts, and how long it waits."""

    webhook_keep_body_seconds: int = whole(
        0, "s, 0 for not at all", "How long the body of a settled webhook is kept.", 0, 30 * DAY_S
    )
    webhook_max_bytes: int = whole(
        16 * MIB, "bytes", "Largest body; beyond it 413.", 1024, 64 * MIB
    )
    webhook_inflight_bytes: int = whole(
        64 * MIB,
        "bytes",
        "Most bytes of bodies in one process at once; beyond it 503.",
        1024,
        4096 * MIB,
    )
    webhook_body_seconds: int = whole(5, "s", "Longest wait for a whole body.", 1, 60)
    webhook_inbox_seconds: int = whole(2, "s", "Longest wait for the inbox; then 503.", 1, 60)


GROUPS: tuple[type, ...] = (
    RedisSettings,
    CacheServerSettings,
    QueueSettings,
    ShopifySettings,
    ServiceSettings,
    InboxSettings,
    WebhookSettings,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class AllSettings(
    RedisSettings,
    CacheServerSettings,
    QueueSettings,
    ShopifySettings,
    ServiceSettings,
    InboxSettings,
    WebhookSettings,
):
    """Every setting as a typed attribute, named like its variable in lower case."""
