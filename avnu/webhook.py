"""What a handler is given: a shop, and webhooks that it settles."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from avnu.clock import Clock
from avnu.errors import Unreadable
from avnu.inbox.arrival import Stored
from avnu.inbox.turn import Letter, Verdict
from avnu.shopify.payloads import decode

T = TypeVar("T")


class Shop:
    """The shop a batch belongs to, and how long the handler may take."""

    def __init__(self, domain: str, clock: Clock, deadline_s: float) -> None:
        self.domain = domain
        self._clock = clock
        self._deadline_s = deadline_s

    def seconds_left(self) -> float:
        """Until the lease is no longer renewed and the process is ended."""
        return max(0.0, self._deadline_s - self._clock.monotonic())

    def __repr__(self) -> str:
        return f"Shop({self.domain})"


class Webhook:
    """One webhook in a handler's hands."""

    __slots__ = ("_stored", "attempt", "verdict")

    def __init__(self, stored: Stored, attempt: int = 1) -> None:
        self._stored = stored
        self.attempt = attempt  # 1 on the first run
        self.verdict: Verdict | None = None

    @property
    def shop(self) -> str:
        """The shop's full domain."""
        return self._stored.shop

    @property
    def id(self) -> str:
        """The webhook id."""
        return self._stored.webhook_id

    @property
    def topic(self) -> str:
        """As its header spells it, ``orders/create``."""
        return self._stored.topic

    @property
    def triggered_ms(self) -> int:
        """When Shopify triggered it, unix ms; 0 = unknown."""
        return self._stored.triggered_ms

    @property
    def accepted_ms(self) -> int:
        """When the inbox took it, unix ms."""
        return self._stored.accepted_ms

    @property
    def body(self) -> bytes:
        """The bytes that Shopify signed."""
        return self._stored.body

    def decode(self, kind: type[T]) -> T:
        """The body as ``kind``. What cannot be read is rejected: no retry will make it readable."""
        try:
            return decode(self.body, kind)
        except Unreadable as fault:
            self.reject(f"{self.topic} is not readable: {fault}")
            raise

    def done(self) -> None:
        """It is dealt with."""
        self.verdict = Verdict(Letter.DONE)

    def retry(self, reason: str) -> None:
        """A failed run: tried again after the backoff, dead after QUEUE_ATTEMPTS runs."""
        self.verdict = Verdict(Letter.FAILED, reason)

    def reject(self, reason: str) -> None:
        """It can never work: a dead letter with this reason."""
        self.verdict = Verdict(Letter.REJECTED, reason)

    def leave(self) -> None:
        """Not now: it goes back to the front of its line, nothing spent."""
        self.verdict = Verdict(Letter.BACK)

    def __repr__(self) -> str:
        return f"Webhook({self.topic} of {self.shop}, {self.id})"


Handler = Callable[[Shop, Sequence[Webhook]], None]
