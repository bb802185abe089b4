"""Redis down, hung, refusing: slower, never wrong, never an exception."""

import threading
import time
from pathlib import Path

import pytest

from avnu.cache.kinds import PRODUCT
from avnu.settings import Settings
from tests.support.cache import SHOP, Loader, closed, counted, hearing, made, opened, product
from tests.support.servers import Server
from tests.support.waiting import standing_still, wait_until

TIMEOUT_MS = 150
REST_MS = 1000
HUNG_S = 2.6
THREADS = 4


def settings_of(server: Server, rest_ms: int = REST_MS, **more: str) -> Settings:
    return Settings.load({**server.environ(), "CACHE_REST_MS": str(rest_ms), **more})


def test_with_redis_down_from_the_start_everything_is_loaded_directly(tmp_path: Path) -> None:
    with Server(tmp_path) as server:
        settings = settings_of(server, rest_ms=200)
        server.kill()
        cache = made(settings)
        load = Loader()
        for _ in range(3):
            assert cache.get(PRODUCT, SHOP, 5, load) == product()
        assert load.calls == 3
        assert not cache.invalidate(SHOP)
        # A rest that is over begins anew with the next that asks.
        wait_until(
            lambda: not cache.invalidate(SHOP) and cache.stats().resting, 10, "Redis is left alone"
        )
        load.error = LookupError("the loader's own")
        with pytest.raises(LookupError):
            cache.get(PRODUCT, SHOP, 5, load)
        load.error = None
        server.start()
        hearing(cache)

        def used_again() -> bool:
            calls = load.calls
            cache.get(PRODUCT, SHOP, 5, load)
            cache.get(PRODUCT, SHOP, 5, load)
            return load.calls == calls

        wait_until(used_again, 20, "Redis is back, and used")
        closed(cache)


def test_redis_killed_and_back_under_load(tmp_path: Path) -> None:
    with Server(tmp_path) as server, opened(settings_of(server)) as cache:
        load = Loader()
        stop = threading.Event()
        faults: list[BaseException] = []
        gets = 0

        def ask() -> None:
            nonlocal gets
            while not stop.is_set():
                try:
                    assert cache.get(PRODUCT, SHOP, 5, load) == product()
                    gets += 1
                except BaseException as fault:  # noqa: BLE001 - told below
                    faults.append(fault)
                time.sleep(0.001)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(2):
                server.kill()
                wait_until(lambda: cache.stats().resting, 10, "it was noticed")
                server.start()
                wait_until(lambda: cache.stats().hears, 20, "it is used again")
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert not faults, faults[:3]
        assert gets > 100


@pytest.mark.alone
def test_with_redis_hung_every_get_returns_in_time_and_few_wait(tmp_path: Path) -> None:
    """Within its limit: the timeouts of one probe, and what the load takes (here nothing)."""
    with (
        Server(tmp_path) as server,
        opened(settings_of(server, CACHE_TIMEOUT_MS=str(TIMEOUT_MS))) as cache,
    ):
        cache.get(PRODUCT, SHOP, 5, Loader())
        taken: list[float] = []
        server.freeze()
        begun_s = time.monotonic()

        def ask(thread: int) -> None:
            number = 0
            while time.monotonic() < begun_s + HUNG_S:
                number += 1
                load = Loader(product(number))
                start_s = time.monotonic()
                assert cache.get(PRODUCT, SHOP, f"{thread}-{number}", load) == product(number)
                taken.append(time.monotonic() - start_s)
                time.sleep(0.004)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(THREADS)]
        try:
            with standing_still() as still:
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
            waited, hung_s = counted(cache, "unreachable"), time.monotonic() - begun_s
        finally:
            server.thaw()
        longest_s = max(taken)
        print(
            f"\nRedis hung for {hung_s:.1f} s, {THREADS} threads: {len(taken)} gets, longest "
            f"{longest_s * 1e3:.0f} ms; {waited} waited for Redis, the others were spared; this "
            f"process stood still for {still.longest_s * 1e3:.0f} ms"
        )
        assert len(taken) > 300
        # A probe may wait for a connection, for the greeting and for the answer.
        assert longest_s < 3 * TIMEOUT_MS / 1000 + 0.25 + still.sum_s
        # One of each thread and of the messages' may be under way when it hangs; then one a second.
        assert 1 <= waited <= THREADS + 1 + hung_s * 1000 / REST_MS
        assert counted(cache, "skipped") > 300
        load = Loader()

        def recovered() -> bool:
            calls = load.calls
            cache.get(PRODUCT, SHOP, 1000, load)
            cache.get(PRODUCT, SHOP, 1000, load)
            return load.calls == calls

        wait_until(recovered, 20, "after it goes on, it is used again")


def test_scripts_that_the_server_forgot_are_sent_again(tmp_path: Path) -> None:
    with Server(tmp_path) as server, opened(settings_of(server)) as cache:
        load = Loader()
        cache.get(PRODUCT, SHOP, 5, load)
        with server.client() as db:
            db.script_flush()
        cache._enter().local.drop(SHOP)
        assert cache.get(PRODUCT, SHOP, 5, load) == product()
        assert load.calls == 1


def test_a_server_that_refuses_is_no_server(tmp_path: Path) -> None:
    """Read-only, or a user who may do nothing: it answers, so nobody waits, and nothing is kept."""
    with Server(tmp_path) as server, server.client() as db:
        db.acl_setuser("poor", enabled=True, passwords=["+pw"], commands=["+ping", "+client"])
        environ = {**server.environ(), "REDIS_USERNAME": "poor", "REDIS_PASSWORD": "pw"}
        cache = made(Settings.load(environ))
        load = Loader()
        for _ in range(3):
            assert cache.get(PRODUCT, SHOP, 5, load) == product()
        assert load.calls == 3
        assert not cache.invalidate(SHOP)
        assert counted(cache, "refused") + counted(cache, "unreachable") > 0
        closed(cache)


@pytest.mark.parametrize("kind", ["redis", "valkey"])
def test_it_works_on_both_families_of_server(tmp_path: Path, kind: str) -> None:
    with Server(tmp_path, kind=kind) as server:
        settings = settings_of(server)
        with opened(settings) as one, opened(settings) as two:
            load = Loader()
            for cache in (one, two, one, two):
                assert cache.get(PRODUCT, SHOP, 5, load) == product()
            assert load.calls == 1
            load.value = product(title="new")
            one.invalidate(SHOP, ["product:5"])
            wait_until(
                lambda: two.get(PRODUCT, SHOP, 5, load) == product(title="new"), 10, "it has heard"
            )
            assert load.calls == 2
