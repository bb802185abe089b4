"""A steady stream of deliveries over several connections; what is refused is sent again."""

import collections
import itertools
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from types import TracebackType
from typing import NamedTuple, Self

from avnu.inbox.arrival import Arrival
from tests.support.deliveries import Maker, Posted, signed_headers

PATH = "/webhooks/shopify"
_AGAIN_S = 1.0
_ACTS = {"done": 97, "sleep": 2, "raise": 1}
_KEPT_WITHIN_S = 30.0
_TIMEOUT_S = 5.0  # Shopify's own


class Answered(NamedTuple):
    """One POST and what came of it."""

    arrival: Arrival
    posted: Posted


class Steady:
    """Sends ``per_s`` fresh webhooks a second while the block runs; leaves when all are kept.

    Raises AssertionError when some are still refused 30 s after the block. ``log`` has every POST.
    """

    def __init__(
        self,
        maker: Maker,
        url: str,
        acknowledge: Callable[[Arrival], None],
        *,
        per_s: float,
        connections: int = 12,
        acts: Mapping[str, float] = _ACTS,
    ) -> None:
        self._host = url.removeprefix("http://")
        self._acknowledge = acknowledge
        self._per_s = per_s
        self._acts = acts
        self._makers = [maker.fork() for _ in range(connections)]
        self._turns = itertools.count()
        self._again: collections.deque[tuple[float, Arrival]] = collections.deque()
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(own,)) for own in self._makers]
        self._fault: BaseException | None = None
        self.log: list[Answered] = []
        self.began_s = self.ended_s = 0.0

    def __enter__(self) -> Self:
        self.began_s = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.ended_s = time.monotonic()
        self._ending.set()
        for thread in self._threads:
            thread.join()
        if error is None:
            assert self._fault is None, f"the load broke: {self._fault!r}"
            assert not self._again, f"{len(self._again)} webhooks are still refused"

    @property
    def refused(self) -> list[Answered]:
        """Every POST that was not answered 200."""
        return [one for one in self.log if one.posted.status != 200]

    def rate(self) -> float:
        """First tries per second, as they were."""
        return len({one.arrival.webhook_id for one in self.log}) / (self.ended_s - self.began_s)

    def first_kept(self, since_s: float) -> Answered | None:
        """The first 200 to a POST that was begun after ``since_s``."""
        return next(
            (
                one
                for one in list(self.log)
                if one.posted.status == 200 and one.posted.at_s - one.posted.took_s > since_s
            ),
            None,
        )

    def _run(self, maker: Maker) -> None:
        try:
            with closing(HTTPConnection(self._host, timeout=_TIMEOUT_S)) as connection:
                while not self._ending.is_set():
                    due_s = self.began_s + next(self._turns) / self._per_s
                    if self._ending.wait(max(0.0, due_s - time.monotonic())):
                        break
                    self._send_again(connection)
                    self._send(connection, maker.some(1, acts=self._acts)[0])
                while self._again and time.monotonic() < self.ended_s + _KEPT_WITHIN_S:
                    self._send_again(connection)
                    time.sleep(0.02)
        except Exception as fault:  # noqa: BLE001 -- told where the test looks
            self._fault = fault

    def _send_again(self, connection: HTTPConnection) -> None:
        try:
            due_s, arrival = self._again.popleft()
        except IndexError:
            return
        if due_s > time.monotonic():
            self._again.appendleft((due_s, arrival))
        else:
            self._send(connection, arrival)

    def _send(self, connection: HTTPConnection, arrival: Arrival) -> None:
        began_s = time.monotonic()
        try:
            connection.request("POST", PATH, arrival.body, signed_headers(arrival))
            answer = connection.getresponse()
            answer.read()
            status = answer.status
        except (OSError, HTTPException):
            connection.close()
            status = 0
        at_s = time.monotonic()
        self.log.append(Answered(arrival, Posted(status, at_s, at_s - began_s)))
        if status == 200:
            self._acknowledge(arrival)
        else:
            self._again.append((at_s + _AGAIN_S, arrival))
