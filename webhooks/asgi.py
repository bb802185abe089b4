"""The production door: `uvicorn webhooks.asgi:app`, with httptools and uvloop.

POST under /webhooks/ is served here without a thread per request, so a half-sent request costs a
socket and no more. Every other path goes to the Flask app.
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Any, cast

from a2wsgi import WSGIMiddleware

from avnu.errors import AvnuError, InboxUnavailable
from avnu.logs import configure_logging
from avnu.settings import load_settings
from webhooks import replies
from webhooks.asgi_body import Bodies, Message, Receive, Send
from webhooks.bridge import Bridge
from webhooks.headers import from_pairs
from webhooks.pulse import Pulse
from webhooks.receiver import Receiver, compose
from webhooks.replies import Reply
from webhooks.views import PREFIX, create_flask


class Door:
    """Serves one receiver in one event loop, between :meth:`open` and :meth:`close`."""

    def __init__(self, receiver: Receiver) -> None:
        settings = receiver.settings
        self._receiver = receiver
        self._contract = receiver.contract
        self._monotonic = receiver.clock.monotonic
        self._room = receiver.room
        self._bodies = Bodies(
            receiver.room, settings.webhook_max_bytes, settings.webhook_body_seconds
        )
        self._committer = receiver.committer()
        self._pulse = Pulse(receiver.counts, receiver.inbox)
        # Flask tidies paths, so it may yet find a delivery in what this door did not.
        bridge = Bridge(asyncio.get_running_loop(), self._committer, settings.webhook_inbox_seconds)
        flask: Any = create_flask(receiver, bridge.keep)
        self._wsgi = WSGIMiddleware(flask)
        self.others = cast("Callable[[Message, Receive, Send], Awaitable[None]]", self._wsgi)

    async def open(self) -> None:
        """Start what works in the background."""
        await self._committer.start()
        self._pulse.start()

    async def close(self) -> None:
        """Answer what waits for the inbox, then flush the counters."""
        await self._committer.stop()
        await asyncio.to_thread(self._pulse.stop)
        self._wsgi.executor.shutdown(wait=False)
        self._receiver.connections.close()

    async def webhook(self, scope: Message, receive: Receive, send: Send) -> None:
        """One delivery: a POST under /webhooks/."""
        began_s = self._monotonic()
        headers = from_pairs(scope["headers"])
        mac = self._contract.before_body(headers)
        if isinstance(mac, Reply):
            await self._refuse(mac, receive, send, began_s)
            return
        body = await self._bodies.read(receive)
        if isinstance(body, Reply):
            await self._refuse(body, receive, send, began_s)
            return
        try:
            found = self._contract.judge(headers, mac, body)
            if isinstance(found, Reply):
                reply = found
            else:
                reply = replies.TO_ANSWER[await self._committer.keep(found)]
        except InboxUnavailable:
            reply = replies.INBOX_UNAVAILABLE
        finally:
            self._room.give_back(len(body))
        self._receiver.counts.add(reply, self._monotonic() - began_s)
        start, end = _messages(reply)
        await send(start)
        await send(end)

    async def _refuse(self, reply: Reply, receive: Receive, send: Send, began_s: float) -> None:
        """Answer before the body is there, and close, since what comes next is not a request.

        The client may be in the middle of its body, and would see a broken connection instead of
        the answer, so what it still sends is thrown away, for as long as a body may take.
        """
        self._receiver.counts.add(reply, self._monotonic() - began_s)
        start, end = _messages(reply, closing=True)
        await send(start)
        await send({**end, "more_body": True})
        if reply is not replies.TOO_SLOW:
            await self._bodies.throw_away(receive)
        await send({"type": "http.response.body", "body": b""})


class Application:
    """The ASGI application: makes its door when the server starts, not when it is imported."""

    def __init__(self, wire: Callable[[], Receiver]) -> None:
        self._wire = wire
        self._door: Door | None = None
        self._opening = asyncio.Lock()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One connection of any kind, as ASGI 3 has it."""
        if scope["type"] == "http":
            door = self._door or await self._open()
            # A path is told with the prefix under which the server was mounted, if any.
            prefix = scope.get("root_path", "") + PREFIX
            if scope["method"] == "POST" and scope["path"].startswith(prefix):
                await door.webhook(scope, receive, send)
            else:
                await door.others(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1000})

    async def _open(self) -> Door:
        # Also the way in under a server that knows no lifespan.
        async with self._opening:
            if self._door is None:
                door = Door(await asyncio.to_thread(self._wire))
                await door.open()
                self._door = door
        return self._door

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self._open()
        except Exception as cause:  # noqa: BLE001  # left alone, servers take it for "no lifespan"
            message = str(cause) if isinstance(cause, AvnuError) else repr(cause)
            await send({"type": "lifespan.startup.failed", "message": message})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if self._door is not None:
            await self._door.close()
        await send({"type": "lifespan.shutdown.complete"})


@functools.cache
def _messages(reply: Reply, closing: bool = False) -> tuple[Message, Message]:
    """A reply as two ASGI messages, made once: servers copy what they need of them."""
    headers = [(b"content-length", b"%d" % len(reply.body)), *reply.headers]
    if closing:
        headers.append((b"connection", b"close"))
    start = {"type": "http.response.start", "status": reply.status, "headers": headers}
    return start, {"type": "http.response.body", "body": reply.body}


def _from_environment() -> Receiver:
    settings = load_settings()
    configure_logging(settings)
    return compose(settings)


app = Application(_from_environment)
