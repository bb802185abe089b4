"""Reading bodies behind the ASGI door, with one time limit for all of them."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from webhooks import replies
from webhooks.replies import Reply
from webhooks.room import Room

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# How far beyond its time a slow body may get.
_LOOK_EVERY_S = 0.25


class _Reading:
    """One body on its way: whose task waits for it, until when; no task once it is there."""

    __slots__ = ("late", "task", "until")

    def __init__(self, task: "asyncio.Task[Any] | None", until: float) -> None:
        self.task = task
        self.until = until
        self.late = False


class Bodies:
    """Reads bodies into ``room``, none larger than ``max_bytes`` or slower than ``within_s``.

    A timer per request would cost as much as the signature (4 µs). All bodies have the same time,
    so they stand in one line, and one timer looks four times a second whether the first is late.
    """

    def __init__(self, room: Room, max_bytes: int, within_s: float) -> None:
        self._room = room
        self._max_bytes = max_bytes
        self._within_s = within_s
        self._loop = asyncio.get_running_loop()
        self._line: deque[_Reading] = deque()
        self._looking = False

    async def read(self, receive: Receive) -> bytes | Reply:
        """The whole body, for which room was taken; or why it is refused, and no room is taken."""
        chunks: list[bytes] = []
        reading = self._begin()
        try:
            refusal = await self._gather(receive, chunks)
        except asyncio.CancelledError:
            _let_go_on(reading)
            refusal = replies.TOO_SLOW
        finally:
            reading.task = None
        # Nearly every body comes in one piece, which then is not copied.
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        if refusal is not None:
            self._room.give_back(len(body))
            return refusal
        return body

    async def _gather(self, receive: Receive, chunks: list[bytes]) -> Reply | None:
        size = 0
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return replies.CUT_SHORT
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > self._max_bytes:
                return replies.TOO_LARGE
            if not self._room.take(len(chunk)):
                return replies.NO_ROOM
            chunks.append(chunk)
            more = message.get("more_body", False)
        return None

    async def throw_away(self, receive: Receive) -> None:
        """Read on without keeping anything, until the end or the end of its time."""
        reading = self._begin()
        try:
            while (await receive()).get("more_body", False):
                pass
        except asyncio.CancelledError:
            _let_go_on(reading)
        finally:
            reading.task = None

    def _begin(self) -> _Reading:
        reading = _Reading(asyncio.current_task(), self._loop.time() + self._within_s)
        self._line.append(reading)
        if not self._looking:
            self._looking = True
            self._loop.call_later(_LOOK_EVERY_S, self._look)
        return reading

    def _look(self) -> None:
        now = self._loop.time()
        while self._line and (self._line[0].task is None or self._line[0].until <= now):
            reading = self._line.popleft()
            if reading.task is not None:
                reading.late = True
                reading.task.cancel()
        self._looking = bool(self._line)
        if self._looking:
            self._loop.call_later(_LOOK_EVERY_S, self._look)


def _let_go_on(reading: _Reading) -> None:
    """After a CancelledError: was it meant for the body alone? Otherwise it goes on its way."""
    if not reading.late or reading.task is None or reading.task.uncancel() > 0:
        raise asyncio.CancelledError
