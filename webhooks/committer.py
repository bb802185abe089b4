"""Group commit: what arrives while one round trip to Redis is in flight goes out with the next.

So Redis spends half as much on a webhook, and waiting for its disk or a replica costs a group.
The same object knows when the inbox is out of reach: then it refuses at once, and tries every
half second whether the inbox can be written again.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

import hiredis

from avnu import journal
from avnu.errors import InboxUnavailable, NotDurable
from avnu.inbox.accept import Accepting
from avnu.inbox.arrival import Answer, Arrival
from webhooks.link import Link

GROUP_WEBHOOKS = 128
GROUP_BYTES = 8 * 1024 * 1024
PROBE_EVERY_S = 0.5
PROBE_WITHIN_S = 1.0

_log = logging.getLogger(__name__)


class _Waiting(NamedTuple):
    arrival: Arrival
    answered: "asyncio.Future[Answer]"
    until: float  # in the loop's time


class Committer:
    """Keeps webhooks, one group at a time, on one link. Lives in one event loop.

    ``connect`` opens a link, ``probe`` are commands that all succeed on an inbox that can be
    written. A webhook waits ``within_s`` at most, in line and in flight together.
    """

    def __init__(
        self,
        accepting: Accepting,
        connect: Callable[[], Awaitable[Link]],
        probe: Sequence[Sequence[bytes]],
        within_s: float,
    ) -> None:
        self._accepting = accepting
        self._connect = connect
        self._probe = probe
        self._within_s = within_s
        self._line: deque[_Waiting] = deque()
        self._stirred = asyncio.Event()
        self._tried = asyncio.Event()
        self._refusing = False
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    @property
    def refusing(self) -> bool:
        """Is the inbox out of reach, as far as this process knows?"""
        return self._refusing

    async def start(self) -> None:
        """Begin. Returns after the first try to reach the inbox, whether it came about or not."""
        self._task = asyncio.create_task(self._run())
        await self._tried.wait()

    async def stop(self) -> None:
        """Answer what is waiting, then end."""
        self._stopping = True
        self._stirred.set()
        if self._task is not None:
            await self._task

    def keep(self, arrival: Arrival) -> "asyncio.Future[Answer]":
        """What the inbox says of this webhook, once it is as durable as INBOX_DURABILITY says.

        Raises InboxUnavailable, here at once while the inbox is out of reach, or out of the future.
        """
        if self._refusing:
            raise InboxUnavailable("the inbox is out of reach; the door looks again every 0.5 s")
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[Answer] = loop.create_future()
        self._line.append(_Waiting(arrival, answered, loop.time() + self._within_s))
        self._stirred.set()
        return answered

    async def _run(self) -> None:
        while not self._stopping:
            link = await self._reach()
            if link is None:
                continue
            try:
                await self._serve(link)
            finally:
                await link.close()
        self._refuse("the receiver has ended")

    async def _reach(self) -> Link | None:
        """A link to an inbox that can be written, or None half a second after it was not to be had.

        What waits meanwhile is refused only when this fails: a connection that was closed while
        nobody used it costs no delivery.
        """
        link = None
        try:
            async with asyncio.timeout(PROBE_WITHIN_S):
                link = await self._connect()
                _raise_errors(await link.ask(self._probe))
        except Exception as cause:  # noqa: BLE001  # this task must outlive whatever happens
            if link is not None:
                await link.close()
            self._refuse(cause)
            self._tried.set()
            await self._pause()
            return None
        if self._refusing:
            _log.info("the inbox can be written again")
        self._refusing = False
        self._tried.set()
        return link

    async def _pause(self) -> None:
        self._stirred.clear()
        try:
            async with asyncio.timeout(PROBE_EVERY_S):
                await self._stirred.wait()  # nothing joins the line now, so this is the end alone
        except TimeoutError:
            pass

    async def _serve(self, link: Link) -> None:
        """Send group after group until the link fails or the end comes."""
        link.when_lost(self._stirred.set)
        while not link.lost.is_set():
            if not self._line:
                if self._stopping:
                    return
                self._stirred.clear()
                await self._stirred.wait()
                continue
            group = self._next_group()
            try:
                async with asyncio.timeout_at(group[0].until):
                    answers = await self._commit(link, [waiting.arrival for waiting in group])
            except NotDurable as cause:
                _fail(group, cause)
            except Exception as cause:  # noqa: BLE001  # this task must outlive whatever happens
                _fail(group, cause)
                self._refuse(cause)
                return
            else:
                for waiting, answer in zip(group, answers, strict=True):
                    if not waiting.answered.done():
                        waiting.answered.set_result(answer)
                journal.accepted([waiting.arrival for waiting in group], answers)

    def _next_group(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        size = 0
        while self._line and len(group) < GROUP_WEBHOOKS:
            size += len(self._line[0].arrival.body)
            if size > GROUP_BYTES and group:
                break
            group.append(self._line.popleft())
        return group

    async def _commit(self, link: Link, arrivals: Sequence[Arrival]) -> list[Answer]:
        """One round trip; another where the server has lost the script."""
        commands = self._accepting.commands(arrivals)
        replies = await link.ask(commands)
        if _says(replies[0], "NOSCRIPT"):
            replies = (await link.ask([self._accepting.load_command(), *commands]))[1:]
        return self._accepting.answers(replies)

    def _refuse(self, cause: object) -> None:
        """From now on refuse at once, beginning with what waits."""
        if not self._refusing and not self._stopping:
            _log.warning("the inbox cannot be written: %s: %s", type(cause).__name__, cause)
        self._refusing = True
        _fail(self._line, cause)
        self._line.clear()


def _fail(group: Sequence[_Waiting], cause: object) -> None:
    for waiting in group:
        if not waiting.answered.done():
            waiting.answered.set_exception(InboxUnavailable(f"{type(cause).__name__}: {cause}"))


def _says(reply: object, code: str) -> bool:
    return isinstance(reply, hiredis.ReplyError) and str(reply).startswith(code)


def _raise_errors(replies: Sequence[object]) -> None:
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply
