"""What a receiver or worker asks of the inbox's server before it works, and what keeps it out.

A server that is away is waited for. One that keeps the program out is not: no waiting mends a wrong
password, a missing right or a certificate, and a supervisor should see at once that it ended.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from avnu.connections import Connections
from avnu.errors import InboxUnavailable, UnsupportedServer
from avnu.inbox import Inbox
from avnu.server_check import check_server

# Of BRPOP, where 0 would be for ever.
_AT_ONCE_S = 0.01

_BAD_CERTIFICATE = "CERTIFICATE_VERIFY_FAILED"
# A right that a script's own command lacks has no error code of its own (Valkey and Redis from 7.2
# on; Redis before).
_LACKS_IN_SCRIPT = ("ACL failure in script", "The user executing the script can't")

# The commands with which each script of the inbox begins or ends. HDEL stands first because a full
# server refuses a script's first command that could use memory, but none after a write.
_PROBE = """
redis.call('HDEL', KEYS[1], 'none')
redis.call('TIME')
redis.call('INFO', 'memory')
redis.call('HSET', KEYS[1], 'probe', '1')
redis.call('HMGET', KEYS[1], 'probe')
redis.call('SET', KEYS[1], '1')
redis.call('GET', KEYS[1])
return redis.call('DEL', KEYS[1])
"""


def check_start(connections: Connections, inbox: Inbox) -> None:
    """Read what the server says of itself, and run a script that adds nothing.

    Raises UnsupportedServer with what to do. When the server is away, what redis-py raises, OSError
    or InboxUnavailable.
    """
    with _refusing():
        check_server(connections.inbox(), durability=connections.settings.inbox_durability)
        inbox.flush_counters({})


def check_consuming(connections: Connections, inbox: Inbox) -> None:
    """What a worker alone must be able to do: take a message, here from a list that is empty.

    Celery would log the missing right again and again, and never end. Raises like check_start.
    """
    with _refusing():
        connections.queue().brpop([inbox.keys.of("probe")], timeout=_AT_ONCE_S)


def check_scripts(client: Any, key: str) -> None:
    """Run a script on a key of the caller's own, which is gone afterwards. Raises like check_start.

    For whoever is no receiver or worker, and is to leave nothing in the database.
    """
    with _refusing():
        client.register_script(_PROBE)(keys=[key])


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError, InboxUnavailable) as fault:
        reason = refusal(fault)
        if reason is None:
            raise
        raise UnsupportedServer([reason]) from fault


def refusal(fault: BaseException) -> str | None:
    """Why the server, or its Sentinels, keep us out, and what to do; None for whatever may pass.

    Never a secret: the server's own words name users and commands alone.
    """
    cause = fault.__cause__ if isinstance(fault, InboxUnavailable) else fault
    said = str(cause)
    if isinstance(cause, NoPermissionError) or any(sign in said for sign in _LACKS_IN_SCRIPT):
        return f"the Redis user lacks a right ({said}); give it what deploy/redis/users.acl says"
    # Sentinel's client wraps what each Sentinel answered into one text.
    if isinstance(cause, AuthenticationError) or AuthenticationError.__name__ in said:
        return (
            f"Redis does not let us in ({said}); correct REDIS_USERNAME and REDIS_PASSWORD, "
            "REDIS_CACHE_… where the cache has a server of its own, or REDIS_SENTINEL_PASSWORD"
        )
    if _BAD_CERTIFICATE in said:
        return (
            f"the certificate of Redis is not to be trusted ({said}); renew it, or name its CA in "
            "REDIS_TLS_CA_FILE and its host in REDIS_HOST"
        )
    return None
