"""The Flask app: webhooks as a plain view, and what tells operators and their tools how it is."""

import hmac
import ipaddress
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flask import Flask, Request, Response, abort, request
from werkzeug.exceptions import ClientDisconnected
from werkzeug.routing import BaseConverter

from avnu import metrics
from avnu.errors import InboxUnavailable
from avnu.inbox.arrival import Answer, Arrival
from avnu.settings import Secret
from webhooks import replies
from webhooks.headers import from_environ
from webhooks.readiness import check_ready
from webhooks.receiver import Receiver
from webhooks.replies import Reply
from webhooks.slow_bodies import SlowBodies, shut, socket_of

PREFIX = "/webhooks/"

Keep = Callable[[Arrival], Answer]

_CHUNK_BYTES = 64 * 1024
# A proxy on this host makes the whole world look like loopback, but says so in one of these.
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP")


class _Anything(BaseConverter):
    """The rest of a path, whatever it is: a wrong signature gets its 401 at every address."""

    regex = ".*?"
    part_isolating = False


def create_flask(receiver: Receiver, keep: Keep) -> Flask:
    """The app of one receiver. ``keep`` blocks until the inbox has answered."""
    app = Flask("webhooks")
    app.url_map.converters["anything"] = _Anything
    app.url_map.merge_slashes = False  # no redirect, which Shopify counts as a failure
    deliver = Deliver(receiver, keep)
    app.add_url_rule(
        f"{PREFIX}<anything:rest>",
        "webhooks",
        lambda rest: deliver(request),
        methods=["POST"],
        provide_automatic_options=False,
    )
    _add_health(app, receiver)
    return app
