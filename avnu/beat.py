"""Beat's scheduler: redbeat's, of which any number may run, and which outlives its Redis.

The schedule stands in Redis beside the queue, and one beat leads: it holds a lock, sends what is
due, and the others look every 5 s whether the lock is free. Killed, it is followed within the
lock's 15 s and those 5 s; ended in order, at once.

Three things differ from redbeat's own scheduler (2.4), which ends when it loses its lock or its
Redis, or when Redis is away while it starts, and sends nothing any more once its keys were wiped:
the lock is asked for at every look and never waited for, the schedule is written anew by each new
leader, and what Redis refuses is tried again. And nothing is sent while what was sent before still
waits: a message that nobody took stands in Redis until a worker drops it. That this beat lives is
noted all the same, so that the canary which does not come back is told of, and not beat.
"""

import logging
from typing import Any

from redbeat.schedulers import REDBEAT_REDIS_KEY, RedBeatScheduler
from redis.exceptions import LockError, RedisError

from avnu.app import MAINTENANCE_QUEUE, AvnuCelery, key_prefix
from avnu.health.beating import note_alive
from avnu.jobs import CANARY
from avnu.logs import about

log = logging.getLogger(__name__)

# Beside the slices of reconciliations under way, which wait in the same queue.
_MOST_WAITING = 100
_AGAIN_S = 1.0


class Scheduler(RedBeatScheduler):  # type: ignore[misc]
    """``celery beat`` takes it by the setting ``beat_scheduler``."""

    def __init__(self, app: AvnuCelery, **options: Any) -> None:
        self._client: Any = app.runtime.connections.schedule()
        setattr(app, REDBEAT_REDIS_KEY, self._client)
        self._runtime = app.runtime
        self._settings = app.runtime.settings
        self._leadership: Any = None
        self._written = False
        self._reachable = True
        super().__init__(app, **options)

    def setup_schedule(self) -> None:
        """Nothing yet: who leads writes it."""

    def tick(self, **options: Any) -> float:
        """Send what is due, if this beat leads. The seconds until the next look."""
        try:
            wait_s = self._look(**options)
        except (RedisError, OSError) as fault:
            self._note(fault)
            return _AGAIN_S
        self._note(None)
        return wait_s

    def apply_async(self, entry: Any, producer: Any = None, advance: bool = True, **_: Any) -> Any:
        """Send the job's message, or let this period go."""
        waiting = int(self._client.llen(f"{key_prefix(self._settings)}{MAINTENANCE_QUEUE}"))
        if waiting < _MOST_WAITING + self._settings.reconcile_at_once:
            return super().apply_async(entry, producer=producer, advance=advance)
        log.warning("not sent, messages wait", extra=about(job=entry.name, waiting=waiting))
        if entry.task == CANARY:
            note_alive(self._runtime)
        if advance:
            self.reserve(entry)
        return None

    def close(self) -> None:
        """Let another lead at once. Called more than once."""
        leadership, self._leadership = self._leadership, None
        if leadership is not None:
            try:
                leadership.release()
            except (LockError, RedisError, OSError) as fault:
                log.info("the lock ends by itself", extra=about(error=type(fault).__name__))
        super().close()
        self._client.close()

    def _look(self, **options: Any) -> float:
        if not self._leads():
            return float(self.max_interval)
        if not self._written:
            super().setup_schedule()
            self._written = True
        return float(super().tick(**options))

    def _leads(self) -> bool:
        """Whether this beat holds the lock, for another 15 s from now."""
        if self._leadership is not None:
            try:
                self._leadership.reacquire()
            except LockError:  # wiped, or it ended while this process or Redis stood still
                log.warning("the lock is lost")
                self._leadership = None
            else:
                return True
        lock = self._client.lock(
            f"{self.app.redbeat_conf.key_prefix}:lock", timeout=self.lock_timeout
        )
        if not lock.acquire(blocking=False):
            return False
        log.info("this beat leads")
        self._leadership, self._written = lock, False
        return True

    def _note(self, fault: Exception | None) -> None:
        """Tell of an outage once, and of its end."""
        if fault is not None and self._reachable:
            log.warning("Redis does not answer", extra=about(error=str(fault)))
        elif fault is None and not self._reachable:
            log.info("Redis answers again")
        self._reachable = fault is None
