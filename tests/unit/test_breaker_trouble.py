"""Which exceptions tell against the platform."""

import pytest
from billiard.exceptions import SoftTimeLimitExceeded
from celery.exceptions import Ignore, Reject, Retry
from urllib3 import HTTPConnectionPool
from urllib3 import exceptions as http

from avnu.breaker.trouble import platform_trouble
from avnu.errors import Park

POOL = HTTPConnectionPool("localhost")


class Answered(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Coded(Exception):
    status_code = 502


@pytest.mark.parametrize(
    "error",
    [
        TimeoutError(), ConnectionResetError(), BrokenPipeError(), ConnectionRefusedError(),
        http.ReadTimeoutError(POOL, "/", "x"), http.ConnectTimeoutError(), http.ProtocolError(),
        http.MaxRetryError(POOL, "/"), http.SSLError(), Coded(),
        *(Answered(status) for status in (500, 502, 503, 504, 520, 530, 540, 599)),
    ],
    ids=repr,
)  # fmt: skip
def test_trouble(error: Exception) -> None:
    assert platform_trouble(error)


@pytest.mark.parametrize(
    "error",
    [
        *(Answered(status) for status in (400, 401, 402, 403, 404, 422, 423, 429, 430, 783)),
        ValueError(), KeyError(), ZeroDivisionError(), http.LocationParseError("x"),
        SystemExit(), KeyboardInterrupt(), GeneratorExit(), MemoryError(),
        SoftTimeLimitExceeded(), Retry(), Ignore(), Reject(), Park("budget"),
    ],
    ids=repr,
)  # fmt: skip
def test_no_trouble_of_the_platform(error: BaseException) -> None:
    assert not platform_trouble(error)
