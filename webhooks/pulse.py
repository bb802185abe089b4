"""Once a second: the counters of this process go to the inbox, which also notes its memory."""

import logging
import threading

from avnu.errors import InboxUnavailable
from avnu.inbox import Inbox
from webhooks.counts import Counts

EVERY_S = 1.0
_STOP_WITHIN_S = 5.0

_log = logging.getLogger(__name__)


class Pulse:
    """Flushes ``counts`` from a thread of its own, so that a slow Redis holds up nobody else."""

    def __init__(self, counts: Counts, inbox: Inbox) -> None:
        self._counts = counts
        self._inbox = inbox
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and flush what came last. Blocks for a round trip."""
        self._ending.set()
        self._thread.join(_STOP_WITHIN_S)
        self._beat()

    def _run(self) -> None:
        while not self._ending.wait(EVERY_S):
            self._beat()

    def _beat(self) -> None:
        try:
            self._counts.flush(self._inbox)
        except InboxUnavailable:
            pass  # the numbers were kept, and the committer says what is wrong
        except Exception:  # noqa: BLE001  # logged; the next beat may go well
            _log.exception("the counters could not be flushed")
