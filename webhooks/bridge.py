"""From a thread to the committer, which lives in an event loop."""

import asyncio
import concurrent.futures

from avnu.errors import InboxUnavailable
from avnu.inbox.arrival import Answer, Arrival
from webhooks.committer import Committer

# The committer keeps the time limit; this much later its loop itself must be stuck.
_STUCK_AFTER_S = 0.5


class Bridge:
    """Lets threads keep webhooks through ``committer``, whose ``loop`` runs in another thread."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, committer: Committer, within_s: float
    ) -> None:
        self._loop = loop
        self._committer = committer
        self._within_s = within_s

    def keep(self, arrival: Arrival) -> Answer:
        """What the inbox says of this webhook. Blocks for ``within_s`` at most.

        Raises InboxUnavailable.
        """
        answered: concurrent.futures.Future[Answer] = concurrent.futures.Future()
        self._loop.call_soon_threadsafe(self._submit, arrival, answered)
        try:
            return answered.result(self._within_s + _STUCK_AFTER_S)
        except TimeoutError:
            raise InboxUnavailable("no answer from the inbox in time") from None

    def _submit(self, arrival: Arrival, answered: "concurrent.futures.Future[Answer]") -> None:
        try:
            kept = self._committer.keep(arrival)
        except InboxUnavailable as cause:
            answered.set_exception(cause)
            return
        kept.add_done_callback(lambda done: _pass_on(done, answered))


def _pass_on(done: "asyncio.Future[Answer]", answered: "concurrent.futures.Future[Answer]") -> None:
    cause = done.exception()
    if cause is not None:
        answered.set_exception(cause)
    else:
        answered.set_result(done.result())
