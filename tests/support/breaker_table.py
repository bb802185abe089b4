"""The defects of pybreaker's Redis storage, each shown on it, and on Avnu's breaker.

`python -m tests.support.breaker_table` prints the table. A row's two functions answer with
what they saw, and whether that is the defect.
"""

import abc
import contextlib
import logging
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import redis
from billiard.exceptions import SoftTimeLimitExceeded
from celery.exceptions import Ignore, Retry
from pybreaker import (
    CircuitBreaker,
    CircuitBreakerError,
    CircuitBreakerListener,
    CircuitRedisStorage,
)

from avnu.breaker import Breaker, BreakerListener
from avnu.breaker.control import BreakerControl, BreakerState
from avnu.breaker.policy import BreakerPolicy
from avnu.connection_options import retry
from avnu.keys import Keys
from tests.support.servers import Server

Seen = tuple[str, bool]
CALLS = 12


@dataclass
class Bench:
    """Breakers on one server; each name is one circuit, each breaker one process of it."""

    server: Server
    name: str = ""

    def __post_init__(self) -> None:
        self.name = uuid.uuid4().hex
        self.client = self.server.client()
        self.nowhere = redis.Redis(port=1, retry=retry(), socket_timeout=0.5)
        self._opened: list[Breaker] = []

    def close(self) -> None:
        for breaker in self._opened:
            breaker.shutdown()
        self.client.close()
        self.nowhere.close()

    def theirs(self, client: Any = None, state: str = "closed", **options: Any) -> CircuitBreaker:
        storage = CircuitRedisStorage(state, client or self.client, self.name)
        return CircuitBreaker(
            **{"fail_max": 3, "reset_timeout": 60} | options, state_storage=storage
        )

    def ours(self, client: Any = None, *, open_ms: int = 60_000, **options: Any) -> Breaker:
        policy = BreakerPolicy(min_calls=3, min_shops=0, open_ms=open_ms)
        keys = Keys("table")
        breaker = Breaker(
            self.name, client or self.client, keys, policy, background=False, **options
        )
        self._opened.append(breaker)
        return breaker

    def fresh(self) -> Self:
        """With another circuit from now on."""
        self.name = uuid.uuid4().hex
        return self

    def shown(self) -> BreakerState:
        """Our circuit, as Redis has it."""
        policy = BreakerPolicy(min_calls=3, min_shops=0)
        return BreakerControl(self.client, Keys("table"), policy).show(self.name)


def fail(breaker: CircuitBreaker, error: BaseException, times: int = 1) -> int:
    """Calls that raise ``error``; how many reached the function."""
    reached = 0

    def failing() -> None:
        nonlocal reached
        reached += 1
        raise error

    for _ in range(times):
        with contextlib.suppress(BaseException):  # SystemExit too is what a row is about
            breaker.call(failing)
        brought(breaker)
    return reached


def brought(breaker: CircuitBreaker) -> None:
    """What the calls came to is in Redis: our background thread's work, done here by hand."""
    if isinstance(breaker, Breaker) and not breaker.storage.away():
        breaker.storage.sync()


def open_it(breaker: CircuitBreaker) -> None:
    fail(breaker, TimeoutError(), 3)


# ---- 1


def most_at_once(breaker: CircuitBreaker) -> int:
    """Of five threads with one call each, how many were in it together, given half a second."""
    inside: list[int] = []
    counts: list[int] = []
    all_in = threading.Event()

    def call() -> None:
        inside.append(1)
        counts.append(len(inside))
        if len(inside) == 5:
            all_in.set()
        all_in.wait(0.5)
        inside.pop()

    threads = [threading.Thread(target=breaker.call, args=(call,)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return max(counts)


def serialised(breaker: CircuitBreaker) -> Seen:
    most = most_at_once(breaker)
    return f"5 threads call: {most} at once", most == 1


# ---- 2


def storm(processes: list[CircuitBreaker]) -> Seen:
    inside, leave = [], threading.Event()

    def trial() -> None:
        inside.append(1)
        leave.wait(10)

    def one(breaker: CircuitBreaker) -> None:
        try:
            breaker.call(trial)
        except CircuitBreakerError:
            refused.append(1)

    refused: list[int] = []
    threads = [threading.Thread(target=one, args=(process,)) for process in processes]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 10
    while len(inside) + len(refused) < len(processes) and time.monotonic() < deadline:
        time.sleep(0.01)
    leave.set()
    for thread in threads:
        thread.join()
    count = len(inside)
    return f"{count} of {len(processes)} processes try at once in half-open", count > 3


def storm_theirs(bench: Bench) -> Seen:
    return storm([bench.theirs(state="half-open", success_threshold=99) for _ in range(8)])


def storm_ours(bench: Bench) -> Seen:
    processes: list[CircuitBreaker] = [bench.ours() for _ in range(8)]
    processes[0].half_open()
    return storm(processes)


# ---- 3


def erased_theirs(bench: Bench) -> Seen:
    one, two = (bench.theirs(success_threshold=2) for _ in range(2))
    one.half_open()
    one.call(int)
    before = one.success_counter
    two.state  # noqa: B018 - the second process merely looks
    return f"good trials {before}, after another process looked {one.success_counter}", (
        one.success_counter < before
    )


def erased_ours(bench: Bench) -> Seen:
    one, two = bench.ours(), bench.ours()
    one.half_open()
    one.call(int)
    brought(one)
    before = bench.shown().good_probes
    two.storage.sync()
    after = bench.shown().good_probes
    return f"good trials {before}, after another process looked {after}", after < before


# ---- 4


def interleaved(breaker: CircuitBreaker) -> Seen:
    for _ in range(100):
        if breaker.current_state != "closed":
            break
        fail(breaker, TimeoutError(), 2)
        if breaker.current_state == "closed":
            breaker.call(int)
            brought(breaker)
    state = breaker.current_state
    return f"two of three calls fail, 300 calls: {state}", state == "closed"


# ---- 5


def late_theirs(bench: Bench) -> Seen:
    breaker, other = bench.theirs(), bench.theirs()

    def late() -> None:
        open_it(other)
        opened.append(other._state_storage.opened_at)
        time.sleep(1.1)  # it counts in whole seconds
        raise TimeoutError

    opened: list[Any] = []
    fail_with(breaker, late)
    moved = (breaker._state_storage.opened_at - opened[0]).total_seconds()
    return f"a late failure prolongs the opening by {moved:.0f} s", moved > 0


def late_ours(bench: Bench) -> Seen:
    breaker, other = bench.ours(), bench.ours()

    def late() -> None:
        open_it(other)
        since.append(bench.shown().since_ms)
        time.sleep(0.1)
        raise TimeoutError

    since: list[int] = []
    fail_with(breaker, late)
    brought(breaker)
    moved = bench.shown().since_ms - since[0]
    return f"a late failure prolongs the opening by {moved} s", moved > 0


def fail_with(breaker: CircuitBreaker, func: Callable[[], None]) -> None:
    try:
        breaker.call(func)
    except (TimeoutError, CircuitBreakerError):
        return


# ---- 6


def seconds(make: Callable[[], CircuitBreaker]) -> Seen:
    """Opened for 0.5 s late in a second of the clock: does it hold?"""
    # Once more where the machine stood still for so long that it had to pass.
    for _ in range(5):
        breaker = make()
        while time.time() % 1 < 0.6:
            time.sleep(0.01)
        begun = time.monotonic()
        open_it(breaker)
        held = fail(breaker, TimeoutError()) == 0
        if held or time.monotonic() - begun < 0.4:
            break
    return f"opened for 0.5 s at .6 of a second: {'holds' if held else 'passes at once'}", not held


# ---- 7


def wiped(bench: Bench, breaker: CircuitBreaker, keys: str) -> Seen:
    open_it(breaker)
    assert fail(breaker, TimeoutError()) == 0
    found = list(bench.client.scan_iter(match=keys))
    assert found
    bench.client.delete(*found)
    passed = sum(fail(breaker, TimeoutError()) for _ in range(CALLS))
    return f"key lost while open: {passed} of {CALLS} calls pass", passed > 0


# ---- 8, 9, 10


class Counting(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += record.exc_info is not None


def without_redis(breaker: CircuitBreaker) -> Seen:
    handler = Counting()
    logging.getLogger().addHandler(handler)
    try:
        reached = fail(breaker, TimeoutError(), 100)
    finally:
        logging.getLogger().removeHandler(handler)
    return f"100 failing calls: {reached} made, {handler.count} tracebacks logged", reached > 50


def without_redis_theirs(bench: Bench) -> Seen:
    breaker = bench.theirs()
    breaker._state_storage._redis = bench.nowhere  # type: ignore[attr-defined]
    logging.getLogger("pybreaker").propagate = True
    return without_redis(breaker)


def constructed(make: Callable[[], CircuitBreaker]) -> Seen:
    try:
        make()
    except redis.exceptions.ConnectionError as fault:
        return f"Redis down: making one raises {type(fault).__name__}", True
    return "Redis down: made", False


def decoded(bench: Bench, make: Callable[[Any], CircuitBreaker]) -> Seen:
    with bench.server.client(decode_responses=True) as client:
        try:
            breaker = make(client)
            breaker.call(int)
            brought(breaker)
        except AttributeError as fault:
            return f"decode_responses=True: {type(fault).__name__}", True
    return "decode_responses=True: works", False


# ---- 11, 12, 13


class NotThere(Exception):
    """A 404: the shop's own state."""


def not_there_theirs(bench: Bench) -> Seen:
    breaker = bench.theirs(state="half-open", exclude=[NotThere])
    fail(breaker, NotThere())
    return f"a 404 in half-open: {breaker.current_state}", breaker.current_state == "closed"


def not_there_ours(bench: Bench) -> Seen:
    breaker = bench.ours(exclude=[NotThere])
    breaker.half_open()
    fail(breaker, NotThere(), CALLS)
    return f"a 404 in half-open: {breaker.current_state}", breaker.current_state == "closed"


def control_flow(breaker: CircuitBreaker) -> Seen:
    for error in (SystemExit(), KeyboardInterrupt(), SoftTimeLimitExceeded(), Retry(), Ignore()):
        fail(breaker, error, 3)
    state = breaker.current_state
    return f"SystemExit, SoftTimeLimitExceeded, Retry …: {state}", state != "closed"


class Odd(Exception, metaclass=abc.ABCMeta):
    """An exception class that is not made by ``type``."""


def odd(breaker: CircuitBreaker) -> Seen:
    fail(breaker, TimeoutError(), CALLS)
    state = breaker.current_state
    return f"ABC excluded, {CALLS} timeouts: {state}", state == "closed"


# ---- 14, 15


def original(breaker: CircuitBreaker) -> Seen:
    raised = ""
    for _ in range(3):
        try:
            breaker.call(_timeout)
        except Exception as error:  # noqa: BLE001 - which one it is, is the question
            raised = type(error).__name__
        brought(breaker)
    assert breaker.current_state == "open"
    return f"the call that trips it raises {raised}", raised != "TimeoutError"


def _timeout() -> None:
    raise TimeoutError


class Hearing(BreakerListener):
    def __init__(self) -> None:
        self.rejections = 0
        self.states: list[tuple[str, str]] = []

    def rejected(self, cb: Breaker, wait_s: float) -> None:  # noqa: ARG002 - its signature
        self.rejections += 1

    def state_change(
        self,
        cb: CircuitBreaker,
        old_state: Any,  # noqa: ARG002 - its signature
        new_state: Any,
    ) -> None:
        self.states.append((new_state.name, cb.current_state))


def told_of_rejections(breaker: CircuitBreaker) -> Seen:
    hearing = Hearing()
    breaker.add_listener(hearing)
    open_it(breaker)
    fail(breaker, TimeoutError(), 3)
    return f"3 rejected calls: listener told of {hearing.rejections}", hearing.rejections != 3


def told_of_state(breaker: CircuitBreaker) -> Seen:
    hearing = Hearing()
    breaker.add_listener(hearing)
    open_it(breaker)
    (told, found), *_ = hearing.states
    return f"told '{told}', finds '{found}'", told != found


class Broken(CircuitBreakerListener):
    def success(self, cb: CircuitBreaker) -> None:  # noqa: ARG002 - its signature
        raise ZeroDivisionError


def broken_listener(breaker: CircuitBreaker) -> Seen:
    breaker.add_listener(Broken())
    try:
        breaker.call(int)
    except ZeroDivisionError:
        return "a listener's error: breaks the call", True
    return "a listener's error: logged", False


# ---- 16


def kept(bench: Bench, breaker: CircuitBreaker, match: str) -> Seen:
    breaker.call(int)
    brought(breaker)
    fail(breaker, TimeoutError())
    found = list(bench.client.scan_iter(match=match))
    for_ever = sum(bench.client.pttl(key) == -1 for key in found)
    return f"closed: {for_ever} of {len(found)} keys stay for ever", for_ever > 0


def shared_name_theirs(bench: Bench) -> Seen:
    one = CircuitBreaker(1, state_storage=CircuitRedisStorage("closed", bench.client))
    two = CircuitBreaker(1, state_storage=CircuitRedisStorage("closed", bench.client))
    fail(one, TimeoutError())
    state = two.current_state
    bench.client.delete(*bench.client.scan_iter(match="pybreaker:*"))
    return f"one breaker opens, another is {state}", state != "closed"


def shared_name_ours(bench: Bench) -> Seen:
    one = bench.ours()
    bench.name = uuid.uuid4().hex
    two = bench.ours()
    open_it(one)
    brought(two)
    state = two.current_state
    return f"one breaker opens, another is {state}", state != "closed"


@dataclass(frozen=True)
class Row:
    number: str
    defect: str
    theirs: Callable[[Bench], Seen]
    ours: Callable[[Bench], Seen]


def both(look: Callable[[CircuitBreaker], Seen], **ours: Any) -> dict[str, Callable[[Bench], Seen]]:
    return {
        "theirs": lambda bench: look(bench.theirs()),
        "ours": lambda bench: look(bench.ours(**ours)),
    }


ROWS = (
    Row("1", "threads wait for one another", **both(serialised)),
    Row("2", "half-open lets everybody try", storm_theirs, storm_ours),
    Row("3", "to look is to erase", erased_theirs, erased_ours),
    Row("4", "only failures in a row count", **both(interleaved)),
    Row("5", "late failures prolong the outage", late_theirs, late_ours),
    Row(
        "6", "whole seconds of the caller's clock",
        lambda bench: seconds(lambda: bench.theirs(reset_timeout=0.5)),
        lambda bench: seconds(lambda: bench.fresh().ours(open_ms=500)),
    ),
    Row(
        "7", "a lost key opens the gates",
        lambda bench: wiped(bench, bench.theirs(), f"{bench.name}:*opened_at"),
        lambda bench: wiped(bench, bench.ours(), f"table:brk*{bench.name}"),
    ),
    Row(
        "8", "Redis down: it never trips",
        without_redis_theirs,
        lambda bench: without_redis(bench.ours(bench.nowhere)),
    ),
    Row(
        "9", "Redis down: no import",
        lambda bench: constructed(lambda: bench.theirs(bench.nowhere)),
        lambda bench: constructed(lambda: bench.ours(bench.nowhere)),
    ),
    Row(
        "10", "a client that decodes",
        lambda bench: decoded(bench, bench.theirs),
        lambda bench: decoded(bench, bench.ours),
    ),
    Row("11", "an ignored error heals", not_there_theirs, not_there_ours),
    Row("12", "control flow counts as failure", **both(control_flow)),
    Row(
        "13", "one exclusion excludes all",
        lambda bench: odd(bench.theirs(exclude=[Odd])),
        lambda bench: odd(bench.ours(exclude=[Odd])),
    ),
    Row("14", "the error that tripped it is hidden", **both(original)),
    Row("15a", "nobody hears of rejected calls", **both(told_of_rejections)),
    Row("15b", "told before it is so", **both(told_of_state)),
    Row("15c", "a listener can break the call", **both(broken_listener)),
    Row(
        "16a", "keys for ever",
        lambda bench: kept(bench, bench.theirs(), f"{bench.name}:*"),
        lambda bench: kept(bench, bench.ours(), f"table:brk*{bench.name}"),
    ),
    Row("16b", "all breakers are one by default", shared_name_theirs, shared_name_ours),
)  # fmt: skip


def play(server: Server, row: Row) -> tuple[Seen, Seen]:
    """What pybreaker's storage does, and what ours does."""
    answers = []
    for look in (row.theirs, row.ours):
        bench = Bench(server)
        try:
            answers.append(look(bench))
        finally:
            bench.close()
    return answers[0], answers[1]


def line(row: Row, theirs: Seen, ours: Seen) -> str:
    def mark(seen: Seen) -> str:
        return f"{'DEFECT' if seen[1] else 'ok':6} {seen[0]}"

    return f"{row.number:4} {row.defect:36} | {mark(theirs):58} | {mark(ours)}"


def main() -> int:
    logging.disable(logging.CRITICAL)
    print(f"{'':4} {'':36} | {'pybreaker, CircuitRedisStorage':58} | Avnu")
    bad = 0
    with tempfile.TemporaryDirectory() as folder, Server(folder) as server:
        for row in ROWS:
            theirs, ours = play(server, row)
            print(line(row, theirs, ours))
            bad += ours[1] or not theirs[1]
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
