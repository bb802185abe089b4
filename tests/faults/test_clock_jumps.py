"""The server's clock jumps an hour forward, and an hour back, under load.

A server's clock cannot be moved for one process, so the offset of the control hash is moved
instead: the prelude of the scripts (`avnu/lua/_clock.lua`) is the one place that reads TIME, and it
adds that offset, so scripts cannot tell one from the other. TTLs of keys do not jump along.
"""

import pytest

from tests.support.stack import Stack
from tests.support.waiting import wait_until

HOUR_MS = 3_600_000


@pytest.mark.parametrize("jump_ms", [HOUR_MS, -HOUR_MS], ids=["forward", "back"])
def test_clock_jumps_under_load(stack: Stack, jump_ms: int) -> None:
    stack.worker().start()
    long = stack.make_waiting(runs=1)
    stack.accept(long)
    wait_until(lambda: stack.runs.begun(stack.ref(long)), 10, "the long run has begun")
    with stack.load(acts={"done": 90, "sleep": 10}) as load:
        wait_until(lambda: load.sent > 50, 10, "traffic before the jump")
        stack.client.hincrby(stack.key("control"), "offset", jump_ms)
        stack.wait_tick()
        stack.wait_tick()
        wait_until(lambda: load.sent > 300, 20, "traffic after the jump")
        assert not stack.crashed(), "a lease was lost"
    stack.open_gate()
    stack.assert_whole(within_s=15)
    assert len(stack.runs.begun(stack.ref(long))) == 1
