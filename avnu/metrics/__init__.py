"""``/metrics`` in Prometheus text. Counters live in Redis, so any one door shows all of it.

To add a metric: a row in ``families.py``; count it in a script or flush it
(``Inbox.flush_counters``), or have the monitor keep it (``avnu/health/keeping.py``); and read it in
one of the ``of_`` modules. No shop ever goes into a label.
"""

from contextlib import suppress

from prometheus_client import CollectorRegistry, generate_latest

from avnu.connection_options import Role
from avnu.connections import Connections
from avnu.errors import InboxUnavailable
from avnu.inbox import Inbox
from avnu.metrics.of_guards import read_guards
from avnu.metrics.of_inbox import read_inbox
from avnu.metrics.of_monitor import read_monitor
from avnu.metrics.of_redis import read_servers
from avnu.metrics.readings import Readings


def render(inbox: Inbox, connections: Connections) -> bytes:
    """The metrics now, as exposition text. What is out of reach is left out, but for its ``up``."""
    readings = Readings()
    reached = read_servers(readings, inbox, connections)
    if Role.CACHE in reached:
        read_guards(readings, inbox, connections)
    if Role.INBOX in reached:
        with suppress(InboxUnavailable):
            read_inbox(readings, inbox)
            read_monitor(readings, inbox)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(readings)
    return generate_latest(registry)
