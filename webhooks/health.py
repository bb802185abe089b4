"""What load balancers, Kubernetes and Prometheus ask: /healthz, /readyz, /metrics."""

import contextlib
import hmac
import ipaddress

from flask import Flask, Request, Response, abort, request
from prometheus_client import CONTENT_TYPE_LATEST

from avnu import metrics
from avnu.errors import InboxFull, InboxUnavailable
from avnu.inbox import Inbox
from avnu.inbox.reach import reaching
from avnu.settings import Secret
from webhooks.receiver import Receiver

# A proxy on this host makes the whole world look like loopback, but says so in one of these.
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP")
_CLOSED = "answered on loopback, or with METRICS_TOKEN as bearer token\n"


def add_health(app: Flask, receiver: Receiver) -> None:
    """The three views, on an app."""
    token = receiver.settings.metrics_token

    def alive() -> Response:
        return _text("ok\n")

    def ready() -> Response:
        _let_in(request, token)
        check_ready(receiver.inbox)
        return _text("ok\n")

    def show_metrics() -> Response:
        _let_in(request, token)
        with contextlib.suppress(InboxUnavailable):  # the metrics say so
            receiver.counts.flush(receiver.inbox)  # so that this process tells all it knows
        text = metrics.render(receiver.inbox, receiver.connections)
        return Response(text, content_type=CONTENT_TYPE_LATEST)

    app.add_url_rule("/healthz", "healthz", alive)
    app.add_url_rule("/readyz", "readyz", ready)
    app.add_url_rule("/metrics", "metrics", show_metrics)
    app.register_error_handler(InboxUnavailable, _unavailable)


def check_ready(inbox: Inbox) -> None:
    """Can a webhook be kept? Writes, reads and deletes a key; two round trips.

    Raises InboxUnavailable with the reason.
    """
    key = inbox.keys.of("probe")
    with reaching(), inbox.client.pipeline(transaction=True) as pipe:
        # One transaction, as another process may be asking the same with the same key.
        pipe.set(key, b"1", ex=60).get(key).delete(key)
        if pipe.execute() != [True, b"1", 1]:
            raise InboxUnavailable("what was written could not be read")
    if inbox.flush_counters({}):
        raise InboxFull("memory is above INBOX_FULL_PERCENT")


def may_see(address: str | None, forwarded: bool, authorization: str, token: Secret) -> bool:
    """Loopback itself, or whoever knows the token; without a token loopback alone."""
    if address and not forwarded and _is_loopback(address):
        return True
    given = authorization.removeprefix("Bearer ").strip().encode()
    return bool(token) and hmac.compare_digest(given, token.reveal().encode())


def _is_loopback(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback


def _let_in(asking: Request, token: Secret) -> None:
    forwarded = any(name in asking.headers for name in _FORWARDED)
    given = asking.headers.get("Authorization", "")
    if not may_see(asking.remote_addr, forwarded, given, token):
        abort(_text(_CLOSED, 403))


def _unavailable(cause: InboxUnavailable) -> Response:
    return _text(f"the inbox cannot keep a webhook now: {cause}\n", 503, {"Retry-After": "1"})


def _text(text: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(text, status, headers, content_type="text/plain; charset=utf-8")
