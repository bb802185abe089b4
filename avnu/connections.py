"""Connections to Redis by role, each with a pool of its own; nobody else opens one.

The roles: ``inbox`` (REDIS_WEBHOOK_DB), ``queue`` (REDIS_QUEUE_DB, what Celery also uses),
``cache`` (REDIS_CACHE_DB, on a server of its own when REDIS_CACHE_HOST is set: breaker, budget) and
``entries`` (the same for the cache itself, with shorter limits). A role has one pool per process: a
flood of cache reads cannot take the last connection of the inbox or the guards. The rules are in
``avnu/connection_options.py``; whether the server will do is asked in ``avnu/server_check.py``.
"""

from typing import Any
from urllib.parse import quote

import redis
import redis.asyncio
import redis.asyncio.sentinel
import redis.sentinel

from avnu.connection_options import (
    BROKER_CONNECT_TIMEOUT_S,
    BROKER_HEALTH_S,
    BROKER_SOCKET_TIMEOUT_S,
    Role,
    async_retry,
    connection_options,
    on_own_server,
    retry,
    sentinel_options,
    tls_options,
)
from avnu.settings import Settings


class BlockingSentinelPool(redis.sentinel.SentinelConnectionPool, redis.BlockingConnectionPool):
    """Sentinel's pool that waits for a free connection, where redis-py's own raises at once."""

    def close(self) -> None:
        """Also closes the connections to the Sentinels, which redis-py leaves to its user."""
        super().close()
        self.sentinel_manager.close()


class AsyncBlockingSentinelPool(
    redis.asyncio.sentinel.SentinelConnectionPool, redis.asyncio.BlockingConnectionPool
):
    """The same for asyncio."""

    async def aclose(self) -> None:
        """Also closes the connections to the Sentinels."""
        await super().aclose()
        await self.sentinel_manager.aclose()


class Connections:
    """The clients of one process, opened on first use. Safe to share between threads.

    After a fork a child opens sockets of its own (redis-py's pools look at the process id). Every
    client answers bytes, waits no longer than the settings say, and sends a command at most once:
    what to do after a lost answer is decided where it is known whether repeating is safe.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._clients: dict[Role, redis.Redis] = {}

    def of(self, role: Role) -> redis.Redis:
        """The client of one role, for who goes through all of them."""
        client = self._clients.get(role)
        if client is None:
            client = self._clients.setdefault(role, redis.Redis.from_pool(self._pool(role)))
        return client

    def inbox(self) -> redis.Redis:
        """The inbox's database."""
        return self.of(Role.INBOX)

    def queue(self) -> redis.Redis:
        """The database Celery uses as its broker."""
        return self.of(Role.QUEUE)

    def schedule(self) -> redis.Redis:
        """A new client of the same for redbeat, which reads text. Closed by who asked for it."""
        return redis.Redis.from_pool(self._pool(Role.QUEUE, decode_responses=True))

    def cache(self) -> redis.Redis:
        """The cache's database, perhaps on another server."""
        return self.of(Role.CACHE)

    def entries(self) -> redis.Redis:
        """The same database, for cached values alone: waits CACHE_TIMEOUT_MS at most."""
        return self.of(Role.ENTRIES)

    def inbox_async(self) -> redis.asyncio.Redis:
        """A new asyncio client on the inbox's database, for the event loop that runs now.

        The caller keeps it and ends it with ``await client.aclose()``: a pool belongs to the loop
        in which it was first used.
        """
        return redis.asyncio.Redis.from_pool(self._async_pool(Role.INBOX))

    def close(self) -> None:
        """Closes every socket this object opened; a later use opens new ones."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def broker_url(self) -> str:
        """Celery's broker address, password included: never to be logged."""
        settings = self.settings
        password = settings.redis_password.reveal()
        user = quote(settings.redis_username, safe="")
        login = f"{user}:{quote(password, safe='')}@" if user or password else ""
        number = settings.redis_queue_db
        if settings.redis_sentinels:
            addresses = [f"{_bracketed(host)}:{port}" for host, port in settings.redis_sentinels]
            return ";".join(f"sentinel://{login}{address}/{number}" for address in addresses)
        scheme = "rediss" if settings.redis_tls_enabled else "redis"
        host = _bracketed(settings.redis_host)
        return f"{scheme}://{login}{host}:{settings.redis_port}/{number}"

    def broker_transport_options(self) -> dict[str, Any]:
        """The part of kombu's transport options that concerns the connection.

        kombu passes None where it is not told a timeout, and a half-open socket then blocks for
        ever (kombu 5.7, ``Channel._connparams``).
        """
        options: dict[str, Any] = {
            "socket_timeout": max(
                BROKER_SOCKET_TIMEOUT_S, self.settings.redis_socket_timeout_ms / 1000
            ),
            "socket_connect_timeout": max(
                BROKER_CONNECT_TIMEOUT_S, self.settings.redis_connect_timeout_ms / 1000
            ),
            "socket_keepalive": True,
            "health_check_interval": BROKER_HEALTH_S,
            "client_name": "avnu-broker",
        }
        if self.settings.redis_sentinels:
            options["master_name"] = self.settings.redis_sentinel_master
            options["sentinel_kwargs"] = sentinel_options(self.settings) | {"retry": retry()}
        return options

    def broker_use_ssl(self) -> dict[str, Any] | None:
        """Celery's ``broker_use_ssl``, or None where Redis is spoken to in the clear."""
        return tls_options(self.settings) if self.settings.redis_tls_enabled else None

    def _pool(self, role: Role, **more: Any) -> redis.BlockingConnectionPool:
        settings = self.settings
        options = connection_options(settings, role) | {"retry": retry()} | more
        if not settings.redis_sentinels or on_own_server(settings, role):
            return redis.BlockingConnectionPool(**options, **_address(settings, role))
        sentinel = redis.sentinel.Sentinel(
            settings.redis_sentinels,
            sentinel_kwargs=sentinel_options(settings) | {"retry": retry()},
        )
        options.pop("connection_class", None)
        return BlockingSentinelPool(  # type: ignore[no-untyped-call]
            settings.redis_sentinel_master, sentinel, ssl=settings.redis_tls_enabled, **options
        )

    def _async_pool(self, role: Role) -> redis.asyncio.BlockingConnectionPool:
        settings = self.settings
        options = connection_options(settings, role) | {"retry": async_retry()}
        if settings.redis_tls_enabled:
            options["connection_class"] = redis.asyncio.SSLConnection
        if not settings.redis_sentinels or on_own_server(settings, role):
            return redis.asyncio.BlockingConnectionPool(**options, **_address(settings, role))
        sentinel = redis.asyncio.sentinel.Sentinel(
            settings.redis_sentinels,
            sentinel_kwargs=sentinel_options(settings) | {"retry": async_retry()},
        )
        options.pop("connection_class", None)
        return AsyncBlockingSentinelPool(  # type: ignore[no-untyped-call]
            settings.redis_sentinel_master, sentinel, ssl=settings.redis_tls_enabled, **options
        )


def _address(settings: Settings, role: Role) -> dict[str, Any]:
    if on_own_server(settings, role):
        return {"host": settings.redis_cache_host, "port": settings.redis_cache_port}
    return {"host": settings.redis_host, "port": settings.redis_port}


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
