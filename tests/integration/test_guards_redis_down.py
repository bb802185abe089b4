"""Redis refuses, hangs, or forgets its scripts: calls go on, within limits, and come back."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.connection import AbstractConnection

from avnu.breaker import Breaker
from avnu.breaker.control import BreakerControl
from avnu.breaker.policy import SHOPIFY, BreakerPolicy
from avnu.clock import SystemClock
from avnu.connections import Connections
from avnu.errors import BreakerOpen
from avnu.guards import Class, Guards, Outcome, OutcomeKind, Permit, Refused, build_guards
from avnu.keys import Keys
from avnu.settings import Settings
from tests.support.guards import shop
from tests.support.servers import Server
from tests.support.waiting import wait_until

DONE = Outcome(kind=OutcomeKind.OK, actual=1, available=1999, maximum=2000, restore_rate=100)
PATIENT_S, QUICK_S = 20.0, 0.3
# The servers of these tests are their own, so that each has its trouble and its time limit.
TROUBLE = pytest.mark.parametrize(("trouble", "limit_s"), [("kill", QUICK_S), ("freeze", QUICK_S)])


@pytest.fixture
def limit_s() -> float:
    """How long Redis may take; short where it hangs, else a busy machine is an outage too."""
    return PATIENT_S


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path / "server") as running:
        yield running


@pytest.fixture
def known(own: Server, limit_s: float) -> Settings:
    return Settings.load(
        own.environ()
        | {
            "REDIS_SOCKET_TIMEOUT_MS": str(int(limit_s * 1000)),
            "REDIS_CONNECT_TIMEOUT_MS": str(int(limit_s * 1000)),
            "BREAKER_MIN_CALLS": "10",
            "BREAKER_OPEN_MS": "3000",
        }
    )


@pytest.fixture
def connections(known: Settings) -> Iterator[Connections]:
    opened = Connections(known)
    yield opened
    opened.close()


@pytest.fixture
def guards(known: Settings, connections: Connections) -> Iterator[Guards]:
    made = build_guards(known, connections.cache(), SystemClock())
    yield made
    made.close()


def one_call(guards: Guards, name: str, outcome: Outcome = DONE) -> Permit | Refused:
    permit = guards.acquire(name, "q", 1, Class.INTERACTIVE)
    if isinstance(permit, Permit):
        guards.outcome(permit, outcome)
    return permit


def test_making_them_needs_no_redis(known: Settings, connections: Connections, own: Server) -> None:
    own.kill()
    made = build_guards(known, connections.cache(), SystemClock())
    assert isinstance(one_call(made, shop(1)), Permit)
    with Breaker.of_shopify(known, connections.cache()).calling(shop(1)):
        pass


@TROUBLE
def test_calls_go_on_and_are_not_delayed_again_and_again(
    guards: Guards, own: Server, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    me, asked, number = threading.get_ident(), set[int](), -1
    for step in ("connect", "send_packed_command", "read_response"):
        really: Any = getattr(AbstractConnection, step)

        def noting(*arguments: Any, really: Any = really, **options: Any) -> Any:
            if threading.get_ident() == me:
                asked.add(number)
            return really(*arguments, **options)

        monkeypatch.setattr(AbstractConnection, step, noting)
    assert isinstance(one_call(guards, shop(1)), Permit)
    assert asked == {-1}
    getattr(own, trouble)()
    for number in range(200):
        assert isinstance(one_call(guards, shop(number)), Permit)
        time.sleep(0.005)
    assert len(asked - {-1}) <= 2, "later attempts are the background thread's"


@TROUBLE
def test_they_come_back(
    guards: Guards, own: Server, connections: Connections, known: Settings, trouble: str
) -> None:
    one_call(guards, shop(1))
    getattr(own, trouble)()
    permit = one_call(guards, shop(1))
    assert isinstance(permit, Permit)
    assert permit.local
    own.start() if trouble == "kill" else own.thaw()

    def shared() -> bool:
        permit = one_call(guards, shop(1))
        return isinstance(permit, Permit) and not permit.local

    wait_until(shared, 30, "permits come from Redis again")


def test_an_outage_of_both_opens_a_local_breaker_that_probes(guards: Guards, own: Server) -> None:
    own.kill()
    bad = Outcome(kind=OutcomeKind.PLATFORM_FAULT)
    for number in range(12):
        one_call(guards, shop(number), bad)
    refusal = one_call(guards, shop(50))
    assert isinstance(refusal, Refused)
    assert refusal.cause == "breaker"
    wait_until(lambda: isinstance(one_call(guards, shop(1)), Permit), 20, "it lets a probe pass")
    wait_until(
        lambda: isinstance(one_call(guards, shop(2)), Permit) and guards.breaker.current_state
        == "closed", 20, "good probes close it",
    )  # fmt: skip


def test_a_process_s_own_share_of_the_budget_is_a_fraction(
    guards: Guards, own: Server, known: Settings
) -> None:
    one_call(guards, shop(1))
    own.kill()
    taken = 0.0
    for _ in range(100):
        permit = guards.acquire(shop(1), "q", 50)
        if isinstance(permit, Refused):
            assert permit.cause == "budget"
            assert 0 < permit.wait_ms < 60_000
            break
        taken += permit.reserved
    assert 0 < taken <= 2000 / known.queue_concurrency


def test_a_forced_open_breaker_stays_open_when_redis_goes(
    guards: Guards, own: Server, connections: Connections, known: Settings
) -> None:
    policy = BreakerPolicy.of(known)
    control = BreakerControl(connections.cache(), Keys(known.avnu_namespace), policy)
    control.force(SHOPIFY, "open")
    assert isinstance(one_call(guards, shop(1)), Refused)
    own.kill()

    def missed() -> bool:
        guards.acquire(shop(1), "q", 1)
        return guards.breaker.storage.away()

    wait_until(missed, 20, "Redis is missed")
    for number in range(20):
        refusal = guards.acquire(shop(number), "q", 1)
        assert isinstance(refusal, Refused)
        assert refusal.cause == "breaker"


def test_scripts_that_redis_forgot_are_loaded_again(guards: Guards, own: Server) -> None:
    one_call(guards, shop(1))
    with own.client() as client:
        client.script_flush()
    permit = one_call(guards, shop(1))
    assert isinstance(permit, Permit)
    assert not permit.local


def test_a_connection_that_broke_is_replaced_within_the_call(guards: Guards, own: Server) -> None:
    one_call(guards, shop(1))
    with own.client() as client:
        client.client_kill_filter(_type="normal", skipme=True)
    permit = one_call(guards, shop(1))
    assert isinstance(permit, Permit)
    assert not permit.local


def test_the_breaker_alone_opens_without_redis_and_shares_again(
    known: Settings, connections: Connections, own: Server
) -> None:
    breaker = Breaker.of_shopify(known, connections.cache())
    try:
        breaker.call(int)
        own.kill()

        def failing(number: int) -> bool:
            try:
                with breaker.calling(shop(number)):
                    raise TimeoutError  # noqa: TRY301 - what is guarded fails
            except BreakerOpen:
                return True
            except TimeoutError:
                return False

        wait_until(lambda: any(failing(number) for number in range(5)), 20, "it opens alone")
        own.start()
        wait_until(lambda: not breaker.storage.away(), 20, "it finds Redis again")
        wait_until(lambda: breaker.current_state == "closed", 20, "the shared one is closed")
    finally:
        breaker.shutdown()
