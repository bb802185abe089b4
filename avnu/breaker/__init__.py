"""The circuit breaker: pybreaker's class, with a state that all processes share.

Kept from pybreaker: `call`, the decorator, `calling`, listeners, `exclude`, `CircuitBreakerError`,
`current_state`. What differs, and why: the table of `tests/support/breaker_table.py`.
Where each part is:

- policy: when it opens, for how long. trouble: which exceptions count.
- storage: what a process knows, and how it learns of the others. lua/_breaker: the rules.
- local: the same rules for one process while Redis is down. control: the operator's side.
- guards: breaker and budget asked together, as the Admin client does.
"""

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import GeneratorType
from typing import Any, Self, TypeVar, cast

import redis
from pybreaker import CircuitBreaker, CircuitBreakerError, CircuitBreakerListener

from avnu.breaker.policy import AUTO, CLOSED, HALF_OPEN, OPEN, SHOPIFY, BreakerPolicy
from avnu.breaker.standing import Ticket
from avnu.breaker.storage import SharedStorage
from avnu.breaker.trouble import platform_trouble
from avnu.clock import Clock, SystemClock
from avnu.errors import BreakerOpen
from avnu.keys import Keys
from avnu.lua import Scripts
from avnu.settings import Settings

T = TypeVar("T")
SCRIPTS = ("breaker_sync", "breaker_force", "breaker_show")

_log = logging.getLogger(__name__)


class Rejected(BreakerOpen, CircuitBreakerError):
    """BreakerOpen that pybreaker's users catch too."""


class BreakerListener(CircuitBreakerListener):
    """pybreaker's listener, and what that is not told. What a listener raises is logged, no more.

    ``state_change`` is called in every process when it learns of the change, and the breaker is in
    the new state already.
    """

    def rejected(self, cb: "Breaker", wait_s: float) -> None:
        """A call was not made."""

    def ignored(self, cb: "Breaker", exc: BaseException) -> None:
        """A call raised what says nothing about the platform's health."""

    def turned(self, cb: "Breaker", old_state: str, new_state: str) -> None:
        """The state changed by what this process did: called in one process only."""


class Breaker(CircuitBreaker):
    """A breaker named ``name``. Making one asks Redis nothing, so it may be down.

    ``counts`` says which exceptions are the platform's trouble; ``exclude`` takes some out again.
    """

    def __init__(
        self,
        name: str,
        client: "redis.Redis",
        keys: Keys,
        policy: BreakerPolicy,
        clock: Clock | None = None,
        *,
        counts: Callable[[BaseException], bool] = platform_trouble,
        exclude: Iterable[Any] | None = None,
        listeners: Sequence[CircuitBreakerListener] | None = None,
        background: bool = True,
    ) -> None:
        self.policy = policy
        self._clock = clock or SystemClock()
        self._counts = counts
        scripts = Scripts(keys, policy.constants(), names=SCRIPTS)
        self.storage = SharedStorage(
            name, client, scripts, policy, self._clock, turned=self._turn, background=background
        )
        super().__init__(
            reset_timeout=policy.open_ms / 1000,
            exclude=exclude,
            listeners=list(listeners or ()),
            state_storage=self.storage,
            name=name,
            throw_new_error_on_trip=False,
        )

    @classmethod
    def of_shopify(
        cls, settings: Settings, client: "redis.Redis", clock: Clock | None = None, **options: Any
    ) -> Self:
        """The breaker of Shopify's Admin API; ``client`` is on DB 0."""
        keys = Keys(settings.avnu_namespace)
        return cls(SHOPIFY, client, keys, BreakerPolicy.of(settings), clock, **options)

    # ---- calls

    def call(self, func: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Call ``func``. Raises BreakerOpen (a CircuitBreakerError) without calling it, when open.

        What ``func`` raises comes through as it is, also when it trips the breaker. A generator is
        guarded until it ends. Threads do not wait for one another.
        """
        ticket = self._enter("")
        # Asked here, as telling nobody of each call's two events was a fifth of a call's cost.
        if self._listeners:
            self._tell("before_call", func, *args, **kwargs)
        try:
            result = func(*args, **kwargs)
        except BaseException as error:
            self._failed(ticket, error)
            raise
        if isinstance(result, GeneratorType):
            return cast("T", self._guarded(ticket, result))
        self._done(ticket)
        return result

    @contextmanager
    def calling(self, shop: str = "") -> Iterator[None]:
        """Guard a block. ``shop`` is whose call it is: the breaker opens on many shops' trouble."""
        ticket = self._enter(shop)
        try:
            yield
        except BaseException as error:
            self._failed(ticket, error)
            raise
        self._done(ticket)

    def call_async(self, func: Any, *args: Any, **kwargs: Any) -> Any:
        """Not offered: pybreaker's is for Tornado and would serialise all calls."""
        raise NotImplementedError("guard a blocking call, or use `with breaker.calling():`")

    def is_system_error(self, exception: BaseException) -> bool:
        """Does the exception count? One that does not counts neither way."""
        return self._counts(exception) and not any(
            isinstance(exception, exclusion)
            if isinstance(exclusion, type)
            else exclusion(exception)
            for exclusion in self._excluded_exceptions
        )

    def _enter(self, shop: str) -> Ticket:
        admitted = self.storage.admit(shop)
        if isinstance(admitted, Ticket):
            return admitted
        self._tell("rejected", admitted)
        raise Rejected(self.storage.name, admitted)

    def _done(self, ticket: Ticket) -> None:
        slow = (self._clock.monotonic() - ticket.begun) * 1000 >= self.policy.slow_ms
        self.storage.settle(ticket, "-" if slow else "+")
        if self._listeners:
            self._tell("success")

    def _failed(self, ticket: Ticket, error: BaseException) -> None:
        counts = self.is_system_error(error)
        self.storage.settle(ticket, "-" if counts else "i")
        self._tell("failure" if counts else "ignored", error)

    def _guarded(self, ticket: Ticket, inner: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        try:
            result = yield from inner
        except BaseException as error:
            self._failed(ticket, error)
            raise
        self._done(ticket)
        return result

    # ---- state

    @property
    def state(self) -> Any:
        """The state object that pybreaker knows, as last seen; asks Redis nothing."""
        return self._create_new_state(self.current_state)

    @state.setter
    def state(self, state_str: str) -> None:
        self.storage.force(state_str)

    def open(self) -> bool:
        """Forced open: no call passes until ``auto`` or ``close``. Raises what redis-py raises."""
        self.storage.force(OPEN)
        return False

    def close(self) -> None:
        """Forced closed: all calls pass until ``auto`` or ``open``. Raises what redis-py raises."""
        self.storage.force(CLOSED)

    def half_open(self) -> None:
        """Probe now, without an override. Raises what redis-py raises."""
        self.storage.force(HALF_OPEN)

    def auto(self) -> None:
        """No override: the breaker decides. Raises what redis-py raises."""
        self.storage.force(AUTO)

    def shutdown(self) -> None:
        """Bring what is left to Redis, and end the thread."""
        self.storage.close()

    # ---- listeners

    def _turn(self, before: str, after: str, mine: bool) -> None:
        _log.warning("breaker %s: %s -> %s", self.storage.name, before, after)
        old, new = self._create_new_state(before), self._create_new_state(after)
        self._tell("state_change", old, new)
        if mine:
            self._tell("turned", before, after)

    def _tell(self, what: str, *args: Any, **kwargs: Any) -> None:
        for listener in self.listeners:
            heard = getattr(listener, what, None)
            if heard is None:
                continue  # one of pybreaker's own, which knows fewer events
            try:
                heard(self, *args, **kwargs)
            except Exception:  # noqa: BLE001 - a listener must not break the call
                _log.exception("listener of breaker %s failed in %s", self.storage.name, what)
