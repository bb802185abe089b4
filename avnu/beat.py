"""Beat's scheduler: Celery's own, which sends nothing while what it sent before still waits.

A message that nobody took in time is dropped by the worker that takes it at last; until then it
stands in Redis, on the server of the inbox. A week without workers would be thousands of them.
"""

import logging
from typing import Any

from celery.beat import PersistentScheduler, ScheduleEntry
from redis.exceptions import RedisError

from avnu.app import MAINTENANCE_QUEUE, AvnuCelery, key_prefix

log = logging.getLogger(__name__)

# Beside the slices of reconciliations under way, which wait in the same queue.
_MOST_WAITING = 100


class Scheduler(PersistentScheduler):
    """``celery beat`` takes it by the setting ``beat_scheduler``."""

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        """Send the job's message, or let this period go."""
        app = self.app
        assert isinstance(app, AvnuCelery)
        settings = app.runtime.settings
        try:
            queue: Any = app.runtime.connections.queue()
            waiting = int(queue.llen(f"{key_prefix(settings)}{MAINTENANCE_QUEUE}"))
        except (RedisError, OSError):
            waiting = 0  # then it cannot be sent either, and Celery tells
        if waiting < _MOST_WAITING + settings.reconcile_at_once:
            super().apply_entry(entry, producer=producer)
        else:
            log.warning("%s is not sent: %s messages wait for a worker", entry.name, waiting)
