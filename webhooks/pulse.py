"""Once a second: the counters of this process go to the inbox, which also notes its memory."""

import asyncio
import logging

from avnu.errors import InboxUnavailable
from avnu.inbox import Inbox
from webhooks.counts import Counts

EVERY_S = 1.0

_log = logging.getLogger(__name__)


class Pulse:
    """Flushes ``counts`` in its event loop's executor, so that a slow Redis holds up nobody."""

    def __init__(self, counts: Counts, inbox: Inbox) -> None:
        self._counts = counts
        self._inbox = inbox
        self._ending = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Flush once more, then end."""
        self._ending.set()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        while not self._ending.is_set():
            try:
                async with asyncio.timeout(EVERY_S):
                    await self._ending.wait()
            except TimeoutError:
                pass
            await self._beat()

    async def _beat(self) -> None:
        try:
            await asyncio.to_thread(self._counts.flush, self._inbox)
        except InboxUnavailable:
            pass  # the numbers were kept, and the committer has said so already
        except Exception:
            _log.exception("the counters could not be flushed")
