"""The host's clock, and the server's."""

from avnu.clock import Clock, SystemClock, server_ms


def test_sleep_lasts_at_least_as_long_as_asked() -> None:
    clock: Clock = SystemClock()
    before = clock.monotonic()
    clock.sleep(0.01)
    assert clock.monotonic() - before >= 0.01
    assert clock.time() > 1_700_000_000


def test_a_server_s_time_is_ms_and_the_inbox_s_is_offset() -> None:
    assert server_ms((1_700_000_000, 999_999)) == 1_700_000_000_999
    assert server_ms((1_700_000_000, 0), b"-1500") == 1_699_999_998_500
    assert server_ms((1_700_000_000, 0), None) == 1_700_000_000_000
