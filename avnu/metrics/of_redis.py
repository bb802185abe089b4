"""What each server tells of itself, by role: read anew at each scrape, so no beat is needed."""

import redis
from redis.exceptions import RedisError

from avnu.connection_options import DATABASES, Role, on_own_server
from avnu.connections import Connections
from avnu.health.servers import ServerState, policy_fits, read_server
from avnu.inbox import Inbox
from avnu.metrics.readings import Readings

# Told from the beginning, so that the first of them is an increase. What else clients provoke
# (a wrong type, an unknown command) says nothing about Redis.
ERRORS = (
    "OOM", "READONLY", "NOSCRIPT", "MISCONF", "LOADING", "BUSY", "NOREPLICAS", "NOPERM",
    "WRONGPASS", "NOAUTH",
)  # fmt: skip


def read_servers(readings: Readings, inbox: Inbox, connections: Connections) -> set[Role]:
    """A few round trips for each role; those that answered.

    A server that hangs is waited for once, though it has several roles: a scrape has 10 s.
    """
    reached, hung = set(), set()
    for role in DATABASES:
        own_server = on_own_server(inbox.settings, role)
        try:
            if own_server in hung:
                raise redis.TimeoutError
            state = read_server(connections, role, inbox.keys, inbox.clock)
        except (RedisError, OSError) as fault:
            readings.add("avnu_redis_up", 0, role)
            if isinstance(fault, redis.TimeoutError):
                hung.add(own_server)
            continue
        reached.add(role)
        _server(readings, role, state)
        fits = policy_fits(inbox.settings, role, state.glance.policy)
        readings.add("avnu_redis_policy_ok", 1 if fits else 0, role)
    return reached


def _server(readings: Readings, role: Role, state: ServerState) -> None:
    readings.add("avnu_redis_up", 1, role)
    readings.add("avnu_redis_latency_seconds", state.slowest_s, role)
    told = state.glance
    readings.add("avnu_redis_memory_used_bytes", told.memory_used_bytes, role)
    readings.add("avnu_redis_memory_max_bytes", told.memory_max_bytes, role)
    readings.add("avnu_redis_clients", told.clients, role)
    readings.add("avnu_redis_clients_max", told.clients_max, role)
    readings.add("avnu_redis_evicted_total", told.evicted, role)
    readings.add("avnu_redis_hits_total", told.hits, role)
    readings.add("avnu_redis_misses_total", told.misses, role)
    readings.add("avnu_redis_replicas", len(told.online), role)
    readings.add("avnu_redis_persistence_ok", 1 if told.persistence_ok else 0, role)
    for error in ERRORS:
        readings.add("avnu_redis_errors_total", told.errors.get(error, 0), role, error)
