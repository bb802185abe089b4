"""Calls of Shopify and the breakers before them, from DB 0; nothing of it while that is down."""

from typing import Any

from redis.exceptions import RedisError

from avnu.breaker.control import BreakerControl
from avnu.breaker.policy import CLOSED, SHOPIFY, BreakerPolicy
from avnu.connections import Connections
from avnu.inbox import Inbox
from avnu.metrics.readings import Readings

# States in which calls are made as usual.
_PASSING = (CLOSED, "forced-closed")


def read_guards(readings: Readings, inbox: Inbox, connections: Connections) -> None:
    """Three round trips or so."""
    client: Any = connections.cache()
    try:
        counted = client.hgetall(inbox.keys.of("api_counts"))
        control = BreakerControl(client, inbox.keys, BreakerPolicy.of(inbox.settings))
        states = [control.show(name) for name in control.names((SHOPIFY,))]
    except (RedisError, OSError):
        return
    points = float(counted.pop(b"points", 0))
    for outcome, n in sorted(counted.items()):
        readings.add("avnu_api_calls_total", int(n), outcome.decode())
    readings.add("avnu_api_points_total", points)
    for state in states:
        shut = state.state not in _PASSING
        readings.add("avnu_breaker_open", 1 if shut else 0, state.name)
