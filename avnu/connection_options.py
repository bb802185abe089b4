"""The rules every Redis connection of Avnu follows, as keyword arguments of redis-py 8.

redis-py's own defaults wait 3.5 s and more, and may send a command twice: ten retries on
connection errors and timeouts (``redis/_defaults.py`` of 8.1). A script whose answer was lost has
perhaps taken effect, so here nothing is sent twice.
"""

import enum
from typing import Any

import redis
import redis.asyncio.retry
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from avnu.settings import Settings

# Both families of server speak it in every version, replies to scripts have the same shape as
# with 3, proxies that refuse HELLO work, and no push message ever comes between two answers.
PROTOCOL = 2

SENTINEL_TIMEOUT_S = 0.3
# A worker's loop asks three connections in turn, and waits this long for each of them, before it
# gives up a primary that hangs; a BRPOP is answered within a second.
BROKER_SOCKET_TIMEOUT_S = 2.0
BROKER_CONNECT_TIMEOUT_S = 2.0
# kombu (5.7, ``maybe_check_brpop_health``) drops a BRPOP that has been unanswered for a second and
# this long, and looks as often: what a worker waits for a primary that hangs is up to twice this.
BROKER_HEALTH_S = 3


class Role(enum.StrEnum):
    """What a connection is for; part of its name in CLIENT LIST."""

    INBOX = "inbox"
    QUEUE = "queue"
    CACHE = "cache"
    ENTRIES = "entries"


DATABASES = (Role.INBOX, Role.QUEUE, Role.CACHE)
"""One role for each database: ``entries`` is the cache's once more, with shorter limits."""


def retry() -> Retry:
    """No retry: a command is sent once."""
    return Retry(NoBackoff(), 0)


def async_retry() -> redis.asyncio.retry.Retry:
    """No retry, for asyncio."""
    return redis.asyncio.retry.Retry(NoBackoff(), 0)


def database(settings: Settings, role: Role) -> int:
    """The number of the role's logical database."""
    return {
        Role.INBOX: settings.redis_webhook_db,
        Role.QUEUE: settings.redis_queue_db,
        Role.CACHE: settings.redis_cache_db,
        Role.ENTRIES: settings.redis_cache_db,
    }[role]


def on_own_server(settings: Settings, role: Role) -> bool:
    """True for the cache when REDIS_CACHE_HOST gives it a server of its own."""
    return role in {Role.CACHE, Role.ENTRIES} and bool(settings.redis_cache_host)


def connection_options(settings: Settings, role: Role) -> dict[str, Any]:
    """Pool arguments of ``role``, without address and retry: limits, timeouts, login, TLS."""
    return {
        "max_connections": settings.redis_pool_size,
        "db": database(settings, role),
        "client_name": f"avnu-{role}",
        **_limits(settings, role),
        "socket_keepalive": True,
        "retry_on_error": [],
        "decode_responses": False,
        "protocol": PROTOCOL,
        **_login(settings, role),
        **_tls(settings),
    }


def sentinel_options(settings: Settings) -> dict[str, Any]:
    """Arguments of the clients that ask the Sentinels, without retry.

    redis-py hands a Sentinel's client only ``socket_*`` and lets it retry ten times, some 3 s for
    each one that is down (``redis/sentinel.py`` of 8.1); so the limits are said here.
    """
    options: dict[str, Any] = {
        "socket_timeout": SENTINEL_TIMEOUT_S,
        "socket_connect_timeout": SENTINEL_TIMEOUT_S,
        "password": settings.redis_sentinel_password.reveal() or None,
        "client_name": "avnu-sentinel",
        "protocol": PROTOCOL,
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }
    if settings.redis_tls_enabled:
        options |= {"ssl": True, **tls_options(settings)}
    return options


def tls_options(settings: Settings) -> dict[str, Any]:
    """Arguments of a TLS connection: the certificate and its name are always checked."""
    options: dict[str, Any] = {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
    if settings.redis_tls_ca_file:
        options["ssl_ca_certs"] = settings.redis_tls_ca_file
    return options


def _limits(settings: Settings, role: Role) -> dict[str, float]:
    """Longest waits in s: for a free connection, for an answer, for a connection to open."""
    waits_ms = {
        "timeout": settings.redis_pool_wait_ms,
        "socket_timeout": settings.redis_socket_timeout_ms,
        "socket_connect_timeout": settings.redis_connect_timeout_ms,
    }
    if role is Role.ENTRIES:
        # A cached value that takes longer than this is worth less than loading it.
        most_ms = settings.cache_timeout_ms
        waits_ms = {name: min(wait_ms, most_ms) for name, wait_ms in waits_ms.items()}
    return {name: wait_ms / 1000 for name, wait_ms in waits_ms.items()}


def _login(settings: Settings, role: Role) -> dict[str, str | None]:
    if on_own_server(settings, role):
        user, password = settings.redis_cache_username, settings.redis_cache_password
    else:
        user, password = settings.redis_username, settings.redis_password
    return {"username": user or None, "password": password.reveal() or None}


def _tls(settings: Settings) -> dict[str, Any]:
    if not settings.redis_tls_enabled:
        return {}
    return {"connection_class": redis.SSLConnection, **tls_options(settings)}
