"""What the factory hands to redis-py and kombu. Nothing here opens a socket."""

from typing import Any

import kombu
import pytest
import redis
import redis.asyncio
import redis.asyncio.sentinel
import redis.sentinel

from avnu.connections import Connections
from avnu.settings import Settings

CERTIFICATES = "/etc/hosts"  # any readable file: nothing is read here


def connections(**environ: str) -> Connections:
    return Connections(Settings.load(environ))


def pools(made: Connections) -> dict[str, Any]:
    return {
        "inbox": made.inbox().connection_pool,
        "queue": made.queue().connection_pool,
        "cache": made.cache().connection_pool,
        "async": made.inbox_async().connection_pool,
    }


def broker(made: Connections) -> dict[str, Any]:
    """The arguments kombu would give to redis-py."""
    connection = kombu.Connection(
        made.broker_url(),
        transport_options=made.broker_transport_options(),
        ssl=made.broker_use_ssl() or False,
    )
    transport: Any = connection.transport
    given = connection.transport_options or {}
    channel = object.__new__(transport.Channel)
    channel.connection = transport
    for name in transport.Channel.from_transport_options:
        if name in given:
            setattr(channel, name, given[name])
    channel._registered = False
    options: dict[str, Any] = channel._connparams()
    return options


def test_each_role_has_its_own_pool_database_and_name() -> None:
    made = connections(REDIS_HOST="redis.test", REDIS_PORT="7000", REDIS_WEBHOOK_DB="5")
    found = {
        role: (
            pool.connection_kwargs["host"],
            pool.connection_kwargs["port"],
            pool.connection_kwargs["db"],
            pool.connection_kwargs["client_name"],
        )
        for role, pool in pools(made).items()
    }
    assert found == {
        "inbox": ("redis.test", 7000, 5, "avnu-inbox"),
        "queue": ("redis.test", 7000, 1, "avnu-queue"),
        "cache": ("redis.test", 7000, 0, "avnu-cache"),
        "async": ("redis.test", 7000, 5, "avnu-inbox"),
    }
    assert made.inbox() is made.inbox()
    assert made.inbox().connection_pool is not made.queue().connection_pool
    assert made.inbox_async() is not made.inbox_async()


@pytest.mark.parametrize("role", ["inbox", "queue", "cache", "async"])
@pytest.mark.parametrize("sentinel", [False, True])
def test_limits_are_explicit_and_nothing_is_sent_twice(role: str, sentinel: bool) -> None:
    environ = {
        "REDIS_POOL_SIZE": "3",
        "REDIS_POOL_WAIT_MS": "70",
        "REDIS_SOCKET_TIMEOUT_MS": "900",
        "REDIS_CONNECT_TIMEOUT_MS": "400",
    }
    if sentinel:
        environ |= {"REDIS_SENTINELS": "s:26379", "REDIS_SENTINEL_MASTER": "main"}
    pool = pools(connections(**environ))[role]
    blocking = redis.BlockingConnectionPool | redis.asyncio.BlockingConnectionPool
    assert issubclass(type(pool), blocking)
    assert pool.max_connections == 3
    assert pool.timeout == 0.07
    made: Any = pool.make_connection()
    assert made.socket_timeout == 0.9
    assert made.socket_connect_timeout == 0.4
    assert made.socket_keepalive is True
    assert made.retry.get_retries() == 0
    assert made.retry_on_error == []
    assert made.protocol == 2
    assert made.encoder.decode_responses is False
    assert made.maint_notifications_config is None


def test_user_and_password_reach_redis_and_celery() -> None:
    made = connections(REDIS_USERNAME="av/nu", REDIS_PASSWORD="p@ss:w/rd%")
    for pool in pools(made).values():
        assert pool.connection_kwargs["username"] == "av/nu"
        assert pool.connection_kwargs["password"] == "p@ss:w/rd%"
    options = broker(made)
    assert (options["username"], options["password"]) == ("av/nu", "p@ss:w/rd%")
    assert (options["host"], options["port"], options["db"]) == ("localhost", 6379, 1)


def test_celery_s_connection_has_timeouts_and_a_name() -> None:
    options = broker(connections())
    assert options["socket_timeout"] == 2.0
    assert options["socket_connect_timeout"] == 2.0
    assert options["socket_keepalive"] is True
    assert options["client_name"] == "avnu-broker"


def test_the_cache_may_have_a_server_of_its_own() -> None:
    made = connections(
        REDIS_HOST="main.test",
        REDIS_PASSWORD="main",
        REDIS_CACHE_HOST="cache.test",
        REDIS_CACHE_PORT="7001",
        REDIS_CACHE_USERNAME="reader",
        REDIS_CACHE_PASSWORD="cache",
    )
    options = made.cache().connection_pool.connection_kwargs
    assert (options["host"], options["port"]) == ("cache.test", 7001)
    assert (options["username"], options["password"]) == ("reader", "cache")
    assert made.inbox().connection_pool.connection_kwargs["password"] == "main"


def test_the_cache_s_own_server_is_not_asked_from_the_sentinels() -> None:
    made = connections(
        REDIS_SENTINELS="s:26379", REDIS_SENTINEL_MASTER="main", REDIS_CACHE_HOST="cache.test"
    )
    assert not isinstance(made.cache().connection_pool, redis.sentinel.SentinelConnectionPool)
    assert isinstance(made.inbox().connection_pool, redis.sentinel.SentinelConnectionPool)


def test_tls_checks_certificate_and_name_everywhere() -> None:
    made = connections(REDIS_TLS_ENABLED="true", REDIS_TLS_CA_FILE=CERTIFICATES)
    for pool in pools(made).values():
        connection = pool.make_connection()
        assert isinstance(connection, redis.SSLConnection | redis.asyncio.SSLConnection)
        assert pool.connection_kwargs["ssl_cert_reqs"] == "required"
        assert pool.connection_kwargs["ssl_check_hostname"] is True
        assert pool.connection_kwargs["ssl_ca_certs"] == CERTIFICATES
    options = broker(made)
    assert issubclass(options["connection_class"], redis.SSLConnection)
    assert options["ssl_cert_reqs"] == "required"
    assert options["ssl_check_hostname"] is True
    assert options["ssl_ca_certs"] == CERTIFICATES
    assert made.broker_url().startswith("rediss://")


def test_without_tls_nothing_speaks_it() -> None:
    made = connections()
    assert made.broker_use_ssl() is None
    assert type(made.inbox().connection_pool.make_connection()) is redis.Connection


def test_sentinels_are_asked_with_short_limits_of_their_own() -> None:
    made = connections(
        REDIS_SENTINELS="one:26379,[::1]:26380",
        REDIS_SENTINEL_MASTER="main",
        REDIS_SENTINEL_PASSWORD="guard",
        REDIS_PASSWORD="data",
    )
    for pool in pools(made).values():
        assert pool.service_name == "main"
        assert pool.connection_kwargs["password"] == "data"
        addresses = []
        for sentinel in pool.sentinel_manager.sentinels:
            options = sentinel.connection_pool.connection_kwargs
            addresses.append((options["host"], options["port"]))
            assert options["password"] == "guard"
            assert options["socket_timeout"] == options["socket_connect_timeout"] == 0.3
            assert options["retry"].get_retries() == 0
        assert addresses == [("one", 26379), ("::1", 26380)]
    assert made.broker_url() == ("sentinel://:data@one:26379/1;sentinel://:data@[::1]:26380/1")
    options = made.broker_transport_options()
    assert options["master_name"] == "main"
    assert options["sentinel_kwargs"]["password"] == "guard"


def test_sentinels_over_tls_are_asked_over_tls() -> None:
    made = connections(
        REDIS_SENTINELS="one:26379", REDIS_SENTINEL_MASTER="main", REDIS_TLS_ENABLED="true"
    )
    for pool in pools(made).values():
        connection = pool.make_connection()
        assert isinstance(
            connection,
            redis.sentinel.SentinelManagedSSLConnection
            | redis.asyncio.sentinel.SentinelManagedSSLConnection,
        )
        (sentinel,) = pool.sentinel_manager.sentinels
        assert issubclass(
            sentinel.connection_pool.connection_class,
            redis.SSLConnection | redis.asyncio.SSLConnection,
        )
    assert made.broker_transport_options()["sentinel_kwargs"]["ssl"] is True


def test_the_same_clients_serve_after_close() -> None:
    made = connections()
    before = made.inbox()
    made.close()
    assert made.inbox() is not before
