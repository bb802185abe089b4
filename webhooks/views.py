"""The Flask app, with webhooks as a plain view: what any WSGI server can serve."""

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, request
from werkzeug.routing import BaseConverter
from werkzeug.wrappers import Request

from avnu.errors import InboxUnavailable
from avnu.inbox.arrival import Answer, Arrival
from webhooks import replies
from webhooks.headers import from_environ
from webhooks.health import add_health
from webhooks.receiver import Receiver
from webhooks.replies import Reply
from webhooks.wsgi_body import SlowBodies, shut, socket_of

PREFIX = "/webhooks/"

_CHUNK_BYTES = 64 * 1024

Keep = Callable[[Arrival], Answer]


def create_flask(receiver: Receiver, keep: Keep) -> Flask:
    """The app of one receiver. ``keep`` blocks until the inbox has answered."""
    app = Flask("webhooks")
    app.url_map.converters["anything"] = _Anything
    deliver = _Delivery(receiver, keep)
    app.add_url_rule(
        f"{PREFIX}<anything:rest>",
        "webhooks",
        lambda rest: deliver(request),  # noqa: ARG005  # the topic comes from the header
        methods=["POST"],
        provide_automatic_options=False,
    )
    add_health(app, receiver)
    return app


class _Anything(BaseConverter):
    """The rest of a path, whatever it is: a wrong signature gets its 401 at every address."""

    regex = ".*?"
    part_isolating = False


class _Delivery:
    """The view: one delivery in, one answer out."""

    def __init__(self, receiver: Receiver, keep: Keep) -> None:
        self._receiver = receiver
        self._contract = receiver.contract
        self._monotonic = receiver.clock.monotonic
        self._room = receiver.room
        self._max_bytes = receiver.settings.webhook_max_bytes
        self._bodies = SlowBodies(receiver.settings.webhook_body_seconds, receiver.clock)
        self._keep = keep

    def __call__(self, asked: Request) -> Response:
        began_s = self._monotonic()
        headers = from_environ(asked.environ)
        mac = self._contract.before_body(headers)
        if isinstance(mac, Reply):
            return self._refuse(mac, asked, began_s)
        body = self._read(asked)
        if isinstance(body, Reply):
            return self._refuse(body, asked, began_s)
        try:
            found = self._contract.judge(headers, mac, body)
            reply = found if isinstance(found, Reply) else self._kept(found)
            return self._answer(reply, began_s)
        finally:
            self._room.give_back(len(body))

    def _kept(self, arrival: Arrival) -> Reply:
        try:
            return replies.TO_ANSWER[self._keep(arrival)]
        except InboxUnavailable:
            return replies.INBOX_UNAVAILABLE

    def _read(self, asked: Request) -> bytes | Reply:
        """The whole body, for which room was taken; or why it is refused, and no room is taken."""
        chunks: list[bytes] = []
        with self._bodies.reading(socket_of(asked.environ)) as reading:
            try:
                refusal = self._gather(asked.stream, chunks)
            except Exception:  # noqa: BLE001  # for a broken body each server has errors of its own
                refusal = replies.CUT_SHORT
        body = b"".join(chunks)
        if reading.late:
            refusal = replies.TOO_SLOW
        elif refusal is None and len(body) < (asked.content_length or 0):
            refusal = replies.CUT_SHORT  # some servers end a broken body like a whole one
        if refusal is not None:
            self._room.give_back(len(body))
            return refusal
        return body

    def _gather(self, stream: Any, chunks: list[bytes]) -> Reply | None:
        size = 0
        while chunk := stream.read(_CHUNK_BYTES):
            if size + len(chunk) > self._max_bytes:
                return replies.TOO_LARGE
            if not self._room.take(len(chunk)):
                return replies.NO_ROOM
            size += len(chunk)
            chunks.append(chunk)
        return None

    def _refuse(self, reply: Reply, asked: Request, began_s: float) -> Response:
        """Answer before the body is there. A server would wait for the rest of it; not for long."""
        shut(socket_of(asked.environ))
        answer = self._answer(reply, began_s)
        answer.headers["Connection"] = "close"
        return answer

    def _answer(self, reply: Reply, began_s: float) -> Response:
        self._receiver.counts.add(reply, self._monotonic() - began_s)
        headers = [(name.decode(), value.decode()) for name, value in reply.headers]
        answer = Response(reply.body, reply.status, headers)
        if not reply.body:
            del answer.headers["Content-Type"]
        return answer
