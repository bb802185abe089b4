"""Carries a plan to a receiver as Shopify does: patient for 5 s, stubborn for 4 h.

Facts: 1 s for a connection, 5 s for the whole request, keep-alive, and after anything but 2xx
eight retries over four hours at growing intervals, with the same id and the original payload.
Shopify does not publish the intervals; here each is twice the one before.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from avnu.clock import Clock
from avnu.sandbox.connection import Connection, Terms
from avnu.sandbox.delivery import Delivery
from avnu.sandbox.ledger import Attempt, Entry, Ledger
from avnu.sandbox.moments import Moments
from avnu.sandbox.request import Family, RequestWriter, filler

RETRIES = 8
RETRIED_FOR_S = 4 * 3600

#: Told after each delivery that is over: how many are, and of how many.
Progress = Callable[[int, int], None]

#: Waits so many seconds without blocking the loop.
Pause = Callable[[float], Awaitable[None]]


class Habits(msgspec.Struct, frozen=True, kw_only=True):
    """How the courier works. The defaults are Shopify's, with time compressed."""

    concurrency: int = 32  # connections
    retries: int = RETRIES
    compression: float = 3600.0  # the 4 h of retries pass in 4 h / compression
    per_second: float | None = None  # at most so many new deliveries; None: as fast as answered
    family: Family = Family.CLASSIC
    api_version: str = "2026-07"
    terms: Terms = Terms()
    planned_moments: bool = False  # X-Shopify-Triggered-At as in the plan: see ``moments``

    def retry_delays_s(self) -> tuple[float, ...]:
        """Seconds before each retry: ``4 h · 2^n / 255 / compression`` for n from 0 to 7."""
        unit_s = RETRIED_FOR_S / (2**RETRIES - 1) / self.compression
        return tuple(unit_s * 2**n for n in range(self.retries))


SHOPIFYS_HABITS = Habits()


class Courier:
    """Delivers plans to one address with one secret."""

    def __init__(
        self,
        url: str,
        secret: str,
        clock: Clock,
        habits: Habits = SHOPIFYS_HABITS,
        pause: Pause = asyncio.sleep,
    ) -> None:
        """``pause`` waits out retry delays. Raises ValueError for an address it cannot use."""
        self._writer = RequestWriter(url, secret, habits.api_version, habits.family)
        self._clock = clock
        self._habits = habits
        self._pause = pause

    def deliver(self, plan: Sequence[Delivery], progress: Progress | None = None) -> Ledger:
        """Send everything, retries included, and return the ledger.

        Blocks until the last delivery is acknowledged or given up. What ``progress`` raises ends
        the round and comes out of here.
        """
        return asyncio.run(self.deliver_async(plan, progress))

    async def deliver_async(
        self, plan: Sequence[Delivery], progress: Progress | None = None
    ) -> Ledger:
        """The same, inside a running loop."""
        ledger = Ledger(plan)
        await _Round(
            writer=self._writer,
            clock=self._clock,
            habits=self._habits,
            pause=self._pause,
            ledger=ledger,
            progress=progress,
        ).run()
        return ledger


class _Job(NamedTuple):
    """One attempt to be made."""

    entry: Entry
    retry: int  # 0 for the first attempt


class _Round:
    """One plan on its way. Single-threaded: between two awaits nothing else runs."""

    def __init__(
        self,
        *,
        writer: RequestWriter,
        clock: Clock,
        habits: Habits,
        pause: Pause,
        ledger: Ledger,
        progress: Progress | None,
    ) -> None:
        self._writer = writer
        self._clock = clock
        self._habits = habits
        self._pause = pause
        self._progress = progress
        self._moments = Moments(clock, planned=habits.planned_moments)
        self._delays_s = habits.retry_delays_s()
        self._entries = ledger.entries
        self._plan: Iterator[Entry] = iter(list(ledger.entries.values()))
        self._ready: deque[_Job] = deque()  # due retries, and what may follow at last
        self._followers: dict[int, list[Entry]] = {}  # by the number they wait for
        self._copies_open: dict[int, int] = {}
        self._over: set[int] = set()
        self._retries: set[asyncio.Task[None]] = set()
        self._idle: list[Connection] = []
        self._changed = asyncio.Event()
        self._begun = 0
        self._start_s = clock.monotonic()

    async def run(self) -> None:
        """Until every delivery is over."""
        workers = [asyncio.create_task(self._work()) for _ in range(self._habits.concurrency)]
        try:
            await asyncio.gather(*workers)
        finally:
            for task in (*workers, *self._retries):
                task.cancel()
            await asyncio.gather(*workers, *self._retries, return_exceptions=True)
            for connection in self._idle:
                connection.close()

    async def _work(self) -> None:
        while jobs := await self._next():
            if len(jobs) == 1:
                await self._attempt(jobs[0])
            else:
                await asyncio.gather(*map(self._attempt, jobs))

    async def _next(self) -> list[_Job]:
        """What to send now, two at once for a simultaneous pair; nothing when all is over."""
        while len(self._over) < len(self._entries):
            if self._ready:
                return [self._ready.popleft()]
            entry = next(self._plan, None)
            if entry is None:
                self._changed.clear()
                await self._changed.wait()
                continue
            await self._keep_pace()
            if jobs := self._admit(entry):
                return jobs
        return []

    async def _keep_pace(self) -> None:
        if self._habits.per_second is None:
            return
        due_s = self._start_s + self._begun / self._habits.per_second
        self._begun += 1
        wait_s = due_s - self._clock.monotonic()
        if wait_s > 0:
            await self._pause(wait_s)

    def _admit(self, entry: Entry) -> list[_Job]:
        """The first attempts of a delivery whose turn has come; none when it has to wait."""
        after = entry.delivery.after
        if after is not None:
            ahead = self._entries.get(after)
            if ahead is not None and after not in self._over:
                self._followers.setdefault(after, []).append(entry)
                return []
            if ahead is None or not ahead.acknowledged:
                self._withhold(entry)
                return []
        copies = entry.delivery.copies
        if not copies:
            self._finish(entry)
        self._copies_open[entry.delivery.number] = copies
        return [_Job(entry, 0)] * copies

    async def _attempt(self, job: _Job) -> None:
        """Send once and write down what came of it."""
        entry, delivery = job.entry, job.entry.delivery
        connection = self._idle.pop() if self._idle else self._connect()
        head = self._writer.head(delivery, self._moments.of(delivery))
        rest = filler(delivery.filler_bytes)
        began_s = self._clock.monotonic()
        try:
            answer = await connection.send(head, delivery.body, rest)
        except asyncio.CancelledError:
            connection.close()
            raise
        took_ms = 1000 * (self._clock.monotonic() - began_s)
        self._idle.append(connection)
        attempt = Attempt(answer, took_ms)
        entry.attempts.append(attempt)
        if not attempt.acknowledged and delivery.retried and job.retry < len(self._delays_s):
            self._retry_later(job)
        else:
            self._finish_copy(entry)

    def _connect(self) -> Connection:
        return Connection(self._writer.address, self._habits.terms)

    def _retry_later(self, job: _Job) -> None:
        async def wait() -> None:
            await self._pause(self._delays_s[job.retry])
            self._ready.append(_Job(job.entry, job.retry + 1))
            self._changed.set()

        task = asyncio.create_task(wait())
        self._retries.add(task)
        task.add_done_callback(self._retries.discard)

    def _finish_copy(self, entry: Entry) -> None:
        number = entry.delivery.number
        self._copies_open[number] -= 1
        if not self._copies_open[number]:
            self._finish(entry)

    def _withhold(self, entry: Entry) -> None:
        entry.withheld = True
        self._finish(entry)

    def _finish(self, entry: Entry) -> None:
        """The delivery is over: let go, or withhold, what was to follow it."""
        self._over.add(entry.delivery.number)
        for follower in self._followers.pop(entry.delivery.number, ()):
            self._ready.extend(self._admit(follower))
        self._changed.set()
        if self._progress is not None:
            self._progress(len(self._over), len(self._entries))
