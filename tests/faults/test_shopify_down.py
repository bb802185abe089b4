"""Shopify down, slow, talking nonsense or throttling: shops park, nothing is spent, all drains."""

import time

import pytest

from avnu.breaker.control import BreakerControl, BreakerState
from avnu.breaker.policy import SHOPIFY, BreakerPolicy
from avnu.connections import Connections
from avnu.keys import Keys
from tests.faults.conftest import MakeStack
from tests.support.shopify_stack import QUICK, calling, causes, install, sandboxed
from tests.support.stack import Stack
from tests.support.waiting import wait_until

SHOPS = [f"shop-{n}" for n in range(10)]
# A worker that waits out the calls of two shops takes two seconds; the rest is the machine's.
FREE_WITHIN_S = 2.0 + 4.0


def breaker(stack: Stack) -> BreakerState:
    connections = Connections(stack.settings)
    names, policy = Keys(stack.settings.avnu_namespace), BreakerPolicy.of(stack.settings)
    try:
        return BreakerControl(connections.cache(), names, policy).show(SHOPIFY)
    finally:
        connections.close()


@pytest.mark.parametrize(
    ("fault", "cause", "trips"),
    [
        ("http_503", {"platform", "breaker"}, True),
        ("hang", {"platform", "breaker"}, True),
        ("broken_json", {"unreadable"}, False),
        ("throttled", {"throttled"}, False),
    ],
)
def test_an_outage_parks_and_drains(
    make_stack: MakeStack, fault: str, cause: set[str], trips: bool
) -> None:
    with sandboxed() as sandbox:
        stack = make_stack(settings=calling(sandbox, **(QUICK if fault == "hang" else {})))
        install(stack, sandbox, SHOPS)
        stack.worker().start()
        sandbox.weather.set(fault)
        for shop in SHOPS * 2:
            stack.accept(stack.maker.make(shop, do="call"))
        wait_until(lambda: set(causes(stack)) == set(SHOPS), 15, "every shop is parked")
        assert set(causes(stack).values()) <= cause

        # No worker is blocked: what needs no call is settled meanwhile, within a second or so.
        free = stack.maker.make("free", do="done")
        stack.accept(free)
        asked_s = time.monotonic()
        wait_until(lambda: stack.settled([stack.ref(free)]), 15, "another shop's is settled")
        waited_s = time.monotonic() - asked_s
        if trips:
            wait_until(lambda: breaker(stack).openings > 0, 15, "the breaker opened")
        else:
            assert breaker(stack).openings == 0, "one that answers is not down"

        sandbox.weather.clear()
        back_s = time.monotonic()
        stack.assert_whole()
        drained_s = time.monotonic() - back_s
        counts = stack.counts()
        print(f"\n{fault}: another shop waited {waited_s:.2f} s, drained in {drained_s:.1f} s")
        assert (counts["retries"], counts["dead"]) == (0, 0), "no attempt is spent"
        assert waited_s < FREE_WITHIN_S
        assert all(sandbox.report()["shops"][f"{shop}.myshopify.com"]["calls"] for shop in SHOPS)


def test_a_closing_breaker_lets_all_go_on_at_once(make_stack: MakeStack) -> None:
    """Long parkings end with the outage: not each by itself, minutes later."""
    with sandboxed() as sandbox:
        slow = {"PARK_FIRST_SECONDS": "120", "PARK_LONGEST_SECONDS": "240"}
        stack = make_stack(settings=calling(sandbox, **slow))
        install(stack, sandbox, SHOPS)
        stack.worker().start()
        sandbox.weather.set("http_503")
        for shop in SHOPS:
            stack.accept(stack.maker.make(shop, do="call"))
        wait_until(lambda: breaker(stack).state != "closed", 15, "the breaker opened")
        wait_until(lambda: set(causes(stack)) == set(SHOPS), 15, "every shop is parked")
        assert "platform" in causes(stack).values(), "some wait for two minutes"
        sandbox.weather.clear()
        # Shops that the breaker itself refused come back as its probes.
        wait_until(lambda: breaker(stack).state == "closed", 30, "the breaker closed")
        closed_s = time.monotonic()
        stack.assert_whole()
        print(f"\nall drained {time.monotonic() - closed_s:.1f} s after the breaker closed")
