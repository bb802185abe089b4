"""A committer for doors that work in threads: one event loop per process, in a thread of its own.

So the WSGI door commits in groups, gives up after the same time and probes in the same way as the
ASGI door, and a hung Redis holds a request for two seconds, not for a sum of socket timeouts.
"""

import asyncio
import atexit
import os
import threading
from collections.abc import Coroutine
from typing import Any

from avnu.inbox.arrival import Answer, Arrival
from webhooks.bridge import Bridge
from webhooks.committer import Committer
from webhooks.pulse import Pulse
from webhooks.receiver import Receiver

_START_WITHIN_S = 5.0
_STOP_WITHIN_S = 5.0


class CommitThread:
    """Starts with the first request of a process, which may be a child of the one that made it."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._lock = threading.Lock()
        self._running: _Running | None = None

    def begin(self) -> None:
        """See to it that the thread runs in this process."""
        self._here()

    def keep(self, arrival: Arrival) -> Answer:
        """What the inbox says of this webhook. Blocks for WEBHOOK_INBOX_SECONDS at most.

        Raises InboxUnavailable.
        """
        return self._here().bridge.keep(arrival)

    def close(self) -> None:
        """Answer what waits, flush the counters, end the thread. A later request starts it anew."""
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
    """The thread, its loop, the committer in it, and the pulse."""

    def __init__(self, receiver: Receiver) -> None:
        self.pid = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="commit", daemon=True)
        self._thread.start()
        self._committer: Committer = receiver.committer()
        self._call(self._committer.start(), _START_WITHIN_S)
        self.bridge = Bridge(self._loop, self._committer, receiver.settings.webhook_inbox_seconds)
        self._pulse = Pulse(receiver.counts, receiver.inbox)
        self._pulse.start()

    def stop(self) -> None:
        self._call(self._committer.stop(), _STOP_WITHIN_S)
        self._pulse.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_STOP_WITHIN_S)

    def _call(self, work: Coroutine[Any, Any, None], within_s: float) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(within_s)
