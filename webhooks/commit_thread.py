"""A committer for doors that work in threads: one event loop per process, in a thread of its own.

So the WSGI door commits in groups, gives up after the same time and probes in the same way as the
ASGI door, and a hung Redis holds a request for two seconds, not for a sum of socket timeouts.
"""

import asyncio
import atexit
import concurrent.futures
import os
import threading
from collections.abc import Coroutine
from typing import Any

from avnu.errors import InboxUnavailable
from avnu.inbox.arrival import Answer, Arrival
from webhooks.committer import Committer
from webhooks.pulse import Pulse
from webhooks.receiver import Receiver

_START_WITHIN_S = 5.0
_STOP_WITHIN_S = 5.0


class CommitThread:
    """Starts with the first webhook of a process, which may be a child of the one that made it."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._lock = threading.Lock()
        self._running: _Running | None = None

    def keep(self, arrival: Arrival) -> Answer:
        """What the inbox says of this webhook. Waits WEBHOOK_INBOX_SECONDS at most.

        Raises InboxUnavailable.
        """
        return self._here().keep(arrival)

    def close(self) -> None:
        """Answer what waits, flush the counters, end the thread. A later webhook starts it anew."""
        with self._lock:
            running, self._running = self._running, None
        if running is not None and running.pid == os.getpid():
            running.stop()

    def _here(self) -> "_Running":
        running = self._running
        if running is not None and running.pid == os.getpid():
            return running
        with self._lock:
            if self._running is None or self._running.pid != os.getpid():
                self._running = _Running(self._receiver)
                atexit.register(self.close)
            return self._running


class _Running:
    """The thread, its loop, and the committer in it."""

    def __init__(self, receiver: Receiver) -> None:
        self.pid = os.getpid()
        self._receiver = receiver
        self._within_s = receiver.settings.webhook_inbox_seconds
        self._loop = asyncio.new_event_loop()
        self._committer: Committer
        self._pulse = Pulse(receiver.counts, receiver.inbox)
        self._thread = threading.Thread(target=self._loop.run_forever, name="commit", daemon=True)
        self._thread.start()
        self._call(self._begin(), _START_WITHIN_S)
        self._pulse.start()

    def keep(self, arrival: Arrival) -> Answer:
        answered: concurrent.futures.Future[Answer] = concurrent.futures.Future()
        self._loop.call_soon_threadsafe(self._submit, arrival, answered)
        try:
            # The committer keeps the limit itself; this one is for a loop that is itself stuck.
            return answered.result(self._within_s + 0.5)
        except TimeoutError:
            raise InboxUnavailable("no answer from the inbox in time") from None

    def stop(self) -> None:
        self._call(self._committer.stop(), _STOP_WITHIN_S)
        self._pulse.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_STOP_WITHIN_S)

    def _submit(self, arrival: Arrival, answered: "concurrent.futures.Future[Answer]") -> None:
        try:
            kept = self._committer.keep(arrival)
        except InboxUnavailable as cause:
            answered.set_exception(cause)
            return
        kept.add_done_callback(lambda done: _pass_on(done, answered))

    def _call(self, work: Coroutine[Any, Any, None], within_s: float) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(within_s)

    async def _begin(self) -> None:
        self._committer = self._receiver.committer()
        await self._committer.start()


def _pass_on(done: "asyncio.Future[Answer]", answered: "concurrent.futures.Future[Answer]") -> None:
    cause = done.exception()
    if cause is not None:
        answered.set_exception(cause)
    else:
        answered.set_result(done.result())
