"""The tick's thread: once a second, in every worker's main process.

A thread of its own with the inbox's connection, not a timer of the consumer: it goes on while the
consumer reconnects to its broker, and a hung Redis holds up nothing but itself.
"""

import logging
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from celery import Celery
from kombu.exceptions import OperationalError

from avnu import journal
from avnu.errors import InboxUnavailable
from avnu.inbox import Inbox
from avnu.inbox.solo import Due
from avnu.inbox.workers import Ticking
from avnu.logs import about
from avnu.shopify.topics import topic_for

log = logging.getLogger(__name__)

_EVERY_S = 1.0


class Ticker:
    """Ticks until stopped; publishes the solo tasks that each tick names."""

    def __init__(self, app: Celery, inbox: Inbox, host: str, processes: int) -> None:
        self._app = app
        self._inbox = inbox
        self._host = host
        self._processes = processes
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._tick_for_ever, name="tick", daemon=True)
        self._reachable = True

    def start(self) -> None:
        """Begin to tick."""
        self._thread.start()

    def stop(self) -> None:
        """Tick no more; waits for a tick in progress."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2 * _EVERY_S)

    def _tick_for_ever(self) -> None:
        while not self._stopping.is_set():
            try:
                self.tick()
            except Exception:
                # Whatever it was, the next second is another chance: work must not wait for ever.
                log.exception("tick failed")
            self._stopping.wait(_EVERY_S)

    def tick(self) -> None:
        """One tick, and what it says is due."""
        try:
            ticked = self._inbox.tick(self._worker())
        except InboxUnavailable as fault:
            if self._reachable:
                log.error("inbox unreachable: %s", fault)  # noqa: TRY400 -- one line, not a traceback
            self._reachable = False
            return
        if not self._reachable:
            log.info("inbox reachable again")
        self._reachable = True
        if ticked.replaced or ticked.recovered:
            told = about(wakeups=ticked.replaced, leases=ticked.recovered)
            log.warning("wake-ups replaced, leases recovered", extra=told)
        if ticked.due:
            self._publish(ticked.due)

    def _worker(self) -> Ticking:
        """As it is now: an operator may have told it to take a queue, or to leave one."""
        queues: Mapping[str, Any] = self._app.amqp.queues.consume_from
        return Ticking(self._host, self._processes, sorted(queues))

    def _publish(self, due: Sequence[Due]) -> None:
        """A message that cannot be published is published again later: the inbox noted when."""
        try:
            with self._app.producer_pool.acquire(block=True, timeout=2) as producer:
                for one in due:
                    self._publish_one(one, producer)
            journal.sent_alone(due)
        except (OperationalError, OSError, TimeoutError) as fault:
            log.warning("solo tasks not published: %s", type(fault).__name__)

    def _publish_one(self, due: Due, producer: Any) -> None:
        topic = topic_for(due.topic)
        name = topic.handler if topic else "unrouted"
        self._app.send_task(
            f"tasks.{due.area}.{name}",
            args=(due.shop, due.webhook_id),
            argsrepr=f"({due.topic}, {due.shop}, {due.webhook_id})",  # what Flower shows
            producer=producer,
            ignore_result=True,
        )
