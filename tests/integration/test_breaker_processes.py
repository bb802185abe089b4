"""Four real processes and one platform that goes away and comes back, counted at its server."""

import os
import time
from collections.abc import Iterator

import pytest

from avnu.breaker.control import BreakerControl
from avnu.breaker.policy import SHOPIFY, BreakerPolicy
from avnu.clock import SystemClock
from avnu.connections import Connections
from avnu.guards import Permit, build_guards
from avnu.keys import Keys
from avnu.settings import Settings
from tests.support.bucket_server import BucketServer
from tests.support.guarded_callers import CallerProcess
from tests.support.waiting import wait_until

PROCESSES = 4
SHOPS = 6
THREADS = 4


@pytest.fixture
def quick(settings: Settings) -> Settings:
    return Settings.load(
        settings.to_environ()
        | {
            "BREAKER_WINDOW_SECONDS": "2",
            "BREAKER_MIN_CALLS": "20",
            "BREAKER_OPEN_MS": "600",
            "BREAKER_OPEN_LONGEST_MS": "2000",
            "BREAKER_PROBE_MS": "4000",
        }
    )


@pytest.fixture
def connections(quick: Settings) -> Iterator[Connections]:
    opened = Connections(quick)
    yield opened
    opened.close()


@pytest.fixture
def control(quick: Settings, connections: Connections) -> BreakerControl:
    keys = Keys(quick.avnu_namespace)
    return BreakerControl(connections.cache(), keys, BreakerPolicy.of(quick))


def shops_of(process: int) -> list[str]:
    return [f"p{process}-{number}.myshopify.com" for number in range(SHOPS)]


def callers(quick: Settings, server: BucketServer) -> list[CallerProcess]:
    started = [
        CallerProcess(
            quick, port=server.port, shops=shops_of(process), threads=THREADS, seconds=60,
            costs=[1], pause_s=0.05, longest_wait_s=0.1,
        )
        for process in range(PROCESSES)
    ]  # fmt: skip
    return [process.started() for process in started]


def processes_of(calls: list[tuple[float, str, int]]) -> set[str]:
    return {shop.partition("-")[0] for _, shop, _ in calls}


def test_all_stop_few_probe_all_resume(quick: Settings, control: BreakerControl) -> None:
    with BucketServer(1e6, 1e6, latency_s=(0.001, 0.005)) as server:
        started = callers(quick, server)
        try:
            at = time.monotonic()
            wait_until(
                lambda: len(processes_of(server.since(at))) == PROCESSES, 20, "all four call"
            )
            # Long enough that all would be under way before the first failure is known.
            server.outage_s = 0.3
            server.outage = True
            wait_until(lambda: control.show(SHOPIFY).state == "open", 20, "it opens")
            opened = time.monotonic()
            # What comes later than a second after the threshold is a probe.
            time.sleep(1.0)
            before = control.show(SHOPIFY).openings
            stopped = time.monotonic()
            wait_until(lambda: control.show(SHOPIFY).openings >= 3, 40, "it is probed, in vain")
            # In this order: no call is counted whose window is not.
            all_of_the_outage = server.since(opened)
            windows = control.show(SHOPIFY).openings - before + 1
            last = max((at for at, _, _ in all_of_the_outage if at < stopped), default=opened)
            server.outage = False
            wait_until(lambda: control.show(SHOPIFY).state == "closed", 20, "it closes")
            closed = time.monotonic()
            wait_until(
                lambda: len(processes_of(server.since(closed))) == PROCESSES, 10, "all resume"
            )
            resumed = time.monotonic()
        finally:
            for process in started:
                process.kill()
    probes = len(server_calls := [at for at, _, _ in all_of_the_outage if at >= stopped])
    print(
        f"\n{PROCESSES} processes: {len(all_of_the_outage)} calls after it opened, "
        f"{probes} of them probes in at most {windows} half-open windows, "
        f"last call of the first second {last - opened:.3f} s after opening, "
        f"all resumed {resumed - closed:.3f} s after closing"
    )
    # A process that stood still since before it opened sends what its threads had leave for.
    assert 0 < len(server_calls) <= quick.breaker_probes * windows + THREADS


def test_a_probe_s_worker_is_killed_and_its_permit_comes_back(
    quick: Settings, control: BreakerControl, connections: Connections
) -> None:
    quick = Settings.load(quick.to_environ() | {"BREAKER_PROBE_MS": "4000"})
    guards = build_guards(quick, connections.cache(), SystemClock())
    try:
        control.force(SHOPIFY, "open")
        control.force(SHOPIFY, "auto")
        pid = os.fork()
        if pid == 0:
            # The child takes every permit and is gone.
            taken = [guards.acquire(shop, "q", 1) for shop in shops_of(1)[: quick.breaker_probes]]
            os._exit(0 if all(isinstance(permit, Permit) for permit in taken) else 1)
        assert os.waitpid(pid, 0)[1] == 0
        assert control.show(SHOPIFY).probes == quick.breaker_probes
        assert not isinstance(guards.acquire(shops_of(2)[0], "q", 1), Permit)
        wait_until(
            lambda: isinstance(guards.acquire(shops_of(2)[0], "q", 1), Permit),
            quick.breaker_probe_ms / 1000 + 20,
            "the permits lapse",
        )
    finally:
        guards.close()


def test_a_fork_while_threads_are_at_work_leaves_the_child_free(
    quick: Settings, connections: Connections
) -> None:
    guards = build_guards(quick, connections.cache(), SystemClock())
    try:
        permit = guards.acquire(shops_of(1)[0], "q", 1)
        process = guards._processes.get()
        storage = guards.breaker.storage._processes.get()
        # As another thread may hold them at the instant of the fork.
        with process.lock, storage.lock, storage.asking:
            pid = os.fork()
            if pid == 0:
                granted = guards.acquire(shops_of(1)[1], "q", 1)
                with guards.breaker.calling(shops_of(1)[1]):
                    pass
                guards.close()
                os._exit(0 if isinstance(granted, Permit) else 1)
            assert wait_until(lambda: os.waitpid(pid, os.WNOHANG), 20, "the child ends")[1] == 0
        assert isinstance(permit, Permit)
    finally:
        guards.close()
