"""pybreaker's storage on Redis, without a round trip while the breaker is closed.

A process keeps a *standing*: the state as last seen. While closed, calls look at that only; what
they come to is gathered and brought to Redis by a background thread, failures at once, and the
answer is the next standing. Open and half-open, a process asks Redis before it lets a call pass.
When Redis does not answer, the process has a breaker of its own, and only the background thread
asks for Redis, once a second.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import uuid4

import redis
from pybreaker import CircuitBreakerStorage
from redis.exceptions import RedisError

from avnu.breaker.policy import CLOSED, PROBE_AGAIN_MS, BreakerPolicy
from avnu.breaker.process import BreakerProcess
from avnu.breaker.standing import Standing, Ticket, read_standing
from avnu.clock import Clock
from avnu.lua import Scripts
from avnu.per_process import PerProcess
from avnu.redis_rest import as_texts, ask_twice

# Older than this a standing proves nothing. The background thread keeps it younger.
FRESH_S = 1.0
TEND_S = 0.25
# Without a call for this long the thread ends, and the next call looks at Redis itself.
_IDLE_S = 10.0

Turned = Callable[[str, str, bool], None]
"""Told of a change with the state before, the state now, and whether this process made it."""

_log = logging.getLogger(__name__)


class SharedStorage(CircuitBreakerStorage):
    """The state of one breaker, shared through Redis. Making one asks Redis nothing.

    ``background=False`` is for tests that bring outcomes to Redis themselves, with ``sync``.
    """

    def __init__(
        self,
        name: str,
        client: "redis.Redis",
        scripts: Scripts,
        policy: BreakerPolicy,
        clock: Clock,
        *,
        turned: Turned,
        background: bool = True,
    ) -> None:
        super().__init__(name)
        self.policy = policy
        self._client = client
        self._scripts = scripts
        self._clock = clock
        self._turned = turned
        self._background = background
        self._processes = PerProcess(lambda: BreakerProcess(name, policy, clock, self.tend, TEND_S))

    # ---- calls

    def admit(self, shop: str) -> Ticket | float:
        """A ticket for one call, or the seconds after which asking again makes sense."""
        process = self._processes.get()
        now = self._clock.monotonic()
        process.used = now
        standing = process.standing
        if standing.state == CLOSED and now - standing.asked < FRESH_S and not process.rest.away:
            return Ticket(standing.generation, shop, now)
        return self._admit_slowly(process, shop, now)

    def settle(self, ticket: Ticket, last: str) -> None:
        """What an admitted call came to: ``+`` good, ``-`` bad, ``i`` neither."""
        process = self._processes.get()
        if ticket.local:
            self.settle_locally(ticket.generation, ticket.shop, last)
            return
        if last == "i" and not ticket.probe:
            return
        process.gather(ticket, last)
        if self._background:
            if last == "-" or ticket.probe:
                process.background.at_once()
            else:
                process.background.soon()

    def _admit_slowly(self, process: BreakerProcess, shop: str, now: float) -> Ticket | float:
        if self.away():
            return self.admit_locally(shop)
        if process.standing.state != CLOSED:
            wait_s = self.shut_for()
            return self._ask(shop) if wait_s is None else wait_s
        if not process.asking.acquire(blocking=False):
            return Ticket(process.standing.generation, shop, now)
        try:
            return self._ask(shop)
        finally:
            process.asking.release()

    def _ask(self, shop: str) -> Ticket | float:
        permit = uuid4().hex
        try:
            reply = self.sync(permit, shop)
        except (RedisError, OSError):
            return self.admit_locally(shop)
        now = self._clock.monotonic()
        if reply[5] == "O":
            self.refused()
            return int(reply[6]) / 1000
        # The reply itself, as another thread may have moved the standing on.
        probe = permit if reply[0] != CLOSED else ""
        return Ticket(int(reply[1]), shop, now, probe)

    def refused(self) -> None:
        """Redis refused a call in a half-open window: no need to ask for a moment."""
        process = self._processes.get()
        process.ask_again = self._clock.monotonic() + PROBE_AGAIN_MS / 1000

    def shut_for(self) -> float | None:
        """Seconds for which no call may pass, as far as is known without asking; None: ask.

        Looked at again four times a second, so that all resume soon after the operator's word.
        """
        process = self._processes.get()
        now, standing = self._clock.monotonic(), process.standing
        if standing.state == CLOSED:
            return None
        if now < process.ask_again:
            return process.ask_again - now
        if standing.shut and now < min(standing.asked + PROBE_AGAIN_MS / 1000, standing.ends):
            return standing.ends - now
        if standing.shut and standing.forced and now < standing.asked + PROBE_AGAIN_MS / 1000:
            return self.policy.open_ms / 1000
        return None

    # ---- Redis

    def sync(self, request_id: str = "", asking_shop: str | None = None) -> list[Any]:
        """Bring what calls came to, and learn the state: one round trip. Returns the reply.

        Raises what redis-py raises; the process goes on with a breaker of its own then.
        """
        process = self._processes.get()
        rows = process.take()
        asked = self._clock.monotonic()
        argv: list[str | int] = [self.name, request_id or uuid4().hex, self.known_ms(), len(rows)]
        for row in rows:
            argv += row
        if asking_shop is not None:
            argv.append(asking_shop)
        try:
            reply = ask_twice(lambda: self._run("breaker_sync", *argv))
        except (RedisError, OSError) as fault:
            self.lost(fault)
            raise
        self.note(reply, asked)
        return reply

    def known_ms(self) -> int:
        """How long it stays open as far as is known here; 1: it is half-open; 0: closed, or forced.

        Scripts go on from there when the state in Redis was wiped.
        """
        standing = self._processes.get().standing
        if standing.state == CLOSED or standing.forced:
            return 0
        left_s = standing.ends - self._clock.monotonic() if standing.shut else 0.0
        return max(1, int(left_s * 1000))

    def note(self, reply: list[Any], asked: float) -> None:
        """Take over the standing of a script's reply; ``asked``: monotonic s before asking."""
        process = self._processes.get()
        standing, before = read_standing(reply, asked)
        with process.lock:
            seen = process.local.state if process.rest.away else process.standing.state
            process.rest.answered()
            # Else it was overtaken by the answer to a later question.
            newest = asked >= process.standing.asked
            if newest:
                process.standing = standing
        if before != standing.state:
            self._turned(before, standing.state, True)
        elif newest and seen != standing.state:
            self._turned(seen, standing.state, False)

    def lost(self, fault: Exception) -> None:
        """Redis did not answer: this process goes on alone from where it last saw the breaker."""
        process = self._processes.get()
        with process.lock:
            first = process.rest.failed()
            if first:
                process.local.adopt(process.standing, self._clock.monotonic())
        if first:
            _log.warning("breaker %s goes on without Redis: %s", self.name, fault)
        if self._background:
            process.background.soon()

    def away(self) -> bool:
        """True while this process goes on without Redis."""
        rest = self._processes.get().rest
        return rest.away and (self._background or not rest.may_ask())

    def tend(self) -> bool:
        """One step of the background thread; False when there is nothing left to do."""
        process = self._processes.get()
        if process.rest.away and not process.rest.may_ask():
            return True
        idle = self._clock.monotonic() - process.used > _IDLE_S
        if idle and not process.gathered and not process.rest.away:
            return False
        with process.asking:
            try:
                self.sync()
            except (RedisError, OSError):
                return not idle
        return True

    def force(self, word: str) -> list[Any]:
        """``open``, ``closed``, ``half-open`` or ``auto``; raises what redis-py raises."""
        asked = self._clock.monotonic()
        reply = self._run("breaker_force", self.name, word)
        self.note(reply, asked)
        return reply

    def _run(self, script: str, *argv: str | int) -> list[Any]:
        return as_texts(self._scripts.run(self._client, script, *argv))

    def close(self) -> None:
        """Bring what is left to Redis, if it answers, and end the thread."""
        process = self._processes.get()
        process.background.stop()
        if process.gathered and not process.rest.away:
            try:
                self.sync()
            except (RedisError, OSError):
                return

    # ---- without Redis

    def admit_locally(self, shop: str) -> Ticket | float:
        """Ask this process's own breaker."""
        process = self._processes.get()
        if self._background:
            process.background.soon()
        now = self._clock.monotonic()
        with process.lock:
            wait_s = process.local.refusal(shop, now)
            if wait_s is not None:
                return wait_s
            return Ticket(process.local.generation, shop, now, local=True)

    def settle_locally(self, generation: int, shop: str, last: str) -> None:
        """Tell this process's own breaker, and its listeners when that turned it."""
        process = self._processes.get()
        with process.lock:
            before = process.local.state
            process.local.report(generation, shop, last, self._clock.monotonic())
            after = process.local.state
        if before != after:
            self._turned(before, after, True)

    # ---- what pybreaker asks of a storage

    @property
    def standing(self) -> Standing:
        """The state as last seen; asks Redis nothing."""
        return self._processes.get().standing

    @property
    def state(self) -> str:
        """``closed``, ``open`` or ``half-open``, as last seen; asks Redis nothing."""
        process = self._processes.get()
        return process.local.state if process.rest.away else process.standing.state

    @state.setter
    def state(self, state: str) -> None:
        self.force(state)

    @property
    def counter(self) -> int:
        """Failures that are not yet brought to Redis; the window is there."""
        return self._processes.get().failures

    @property
    def success_counter(self) -> int:
        """Always 0: votes are counted in Redis, by generation."""
        return 0

    @property  # type: ignore[misc]  # nobody sets it
    def opened_at(self) -> datetime | None:
        """Always None: when an open breaker probes is decided by the server's clock."""
        return None
