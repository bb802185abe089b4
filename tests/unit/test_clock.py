"""The host's clock, and that nobody else reads it."""

from avnu.clock import Clock, SystemClock


def test_sleep_lasts_at_least_as_long_as_asked() -> None:
    clock: Clock = SystemClock()
    before = clock.monotonic()
    clock.sleep(0.01)
    assert clock.monotonic() - before >= 0.01
    assert clock.time() > 1_700_000_000
