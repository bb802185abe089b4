"""What the inbox has heard of, and what the monitor has kept of its last look."""

import math

from avnu.health.check import State
from avnu.health.hearing import heard
from avnu.health.keeping import read_kept
from avnu.inbox import Inbox
from avnu.metrics.readings import Readings

# After so many periods without a look, nobody knows how things stand.
_LATE_LOOKS = 5
_NUMBERS = {State.OK: 0, State.WARNING: 1, State.FAILED: 2}


def read_monitor(readings: Readings, inbox: Inbox) -> None:
    """States of checks are left out when the last look is long ago. Raises InboxUnavailable.

    Deadlines and missing subscriptions stay, as they change slowly.
    """
    ages = heard(inbox)
    readings.add("avnu_beat_age_seconds", ages.beat_s)
    readings.add("avnu_canary_age_seconds", ages.canary_s)
    if ages.received_s is not None:
        readings.add("avnu_received_age_seconds", ages.received_s)
    kept = read_kept(inbox)
    looked_s = math.inf if kept is None else max(0.0, (ages.now_ms - kept.looked_ms) / 1000)
    readings.add("avnu_monitor_age_seconds", looked_s)
    if kept is None:
        return
    if looked_s <= _LATE_LOOKS * inbox.settings.monitor_every_seconds:
        for check in kept.checks:
            readings.add("avnu_check_state", _NUMBERS[check.state], check.name)
    if kept.subscriptions_missing is not None:
        readings.add("avnu_subscriptions_missing", kept.subscriptions_missing)
    if kept.due_at is not None:
        left_s = kept.due_at.timestamp() - inbox.clock.time()
        readings.add("avnu_compliance_due_seconds", left_s)
