"""Which exceptions are the platform's trouble. Everything else says nothing about its health.

Counted are server errors, timeouts and broken connections. Not counted, either way: the shop's own
state (401, 402, 403, 404, 423, 429, 430), user errors, bugs of ours, and Celery's control
exceptions (Retry, Ignore, Reject, SoftTimeLimitExceeded), which are exceptions like any other.
"""

from urllib3 import exceptions as http

_KINDS: tuple[type[Exception], ...] = (
    TimeoutError,
    ConnectionError,
    http.TimeoutError,
    http.ProtocolError,
    http.MaxRetryError,
    http.SSLError,
    http.ProxyError,
)
_SERVER_ERRORS = range(500, 600)


def platform_trouble(error: BaseException) -> bool:
    """True when ``error`` tells against the platform.

    An error that carries an HTTP ``status`` (or ``status_code``) is judged by that alone.
    """
    status = getattr(error, "status", None)
    if not isinstance(status, int):
        status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return status in _SERVER_ERRORS
    return isinstance(error, _KINDS)
