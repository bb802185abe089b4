"""A background load that sends until every webhook is acknowledged, as Shopify's retries do."""

import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from avnu.inbox.arrival import Arrival
from tests.support.deliveries import Maker, Sender

_GROUP = 4
_ACKNOWLEDGED_WITHIN_S = 20.0


class Load:
    """Sends ``per_s`` webhooks a second while the block runs; leaves it when all are acknowledged.

    Raises AssertionError when some are still refused 20 s after the block.
    """

    def __init__(
        self,
        maker: Maker,
        sender: Sender,
        acknowledge: Callable[[Arrival], None],
        *,
        per_s: float = 100,
        shops: int = 8,
        acts: Mapping[str, float] | None = None,
    ) -> None:
        self._maker = maker.fork()
        self._shops = shops
        self._acts = acts
        self._sender = sender
        self._acknowledge = acknowledge
        self._pause_s = (1 + _GROUP) / 2 / per_s
        self._ending = threading.Event()
        self._refused: list[Arrival] = []
        self._thread = threading.Thread(target=self._run, name="load")
        self._give_up_s = float("inf")
        self.fault: BaseException | None = None
        self.sent = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._give_up_s = time.monotonic() + _ACKNOWLEDGED_WITHIN_S
        self._ending.set()
        self._thread.join()
        if error is None:
            assert self.fault is None, f"the load broke: {self.fault!r}"
            assert not self._refused, f"{len(self._refused)} webhooks are still refused"

    def _run(self) -> None:
        try:
            while not self._ending.wait(self._pause_s):
                n = self._maker.chance.randint(1, _GROUP)
                fresh = self._maker.some(n, self._shops, self._acts)
                self.sent += len(fresh)
                self._send([*self._refused[:_GROUP], *fresh])
            while self._refused and time.monotonic() < self._give_up_s:
                self._send(self._refused[:50])
                time.sleep(0.05)
        except Exception as fault:  # noqa: BLE001 -- told where the test looks
            self.fault = fault

    def _send(self, arrivals: list[Arrival]) -> None:
        kept = self._sender.send(arrivals)
        for arrival in kept:
            self._acknowledge(arrival)
        ids = {arrival.webhook_id for arrival in kept}
        tried = {arrival.webhook_id for arrival in arrivals}
        self._refused = [one for one in self._refused if one.webhook_id not in tried] + [
            one for one in arrivals if one.webhook_id not in ids
        ]
