"""What the inbox has heard of, and what the monitor has kept of its last look."""

from avnu.health.hearing import heard
from avnu.inbox import Inbox
from avnu.metrics.readings import Readings


def read_monitor(readings: Readings, inbox: Inbox) -> None:
    """Raises InboxUnavailable."""
    ages = heard(inbox)
    readings.add("avnu_beat_age_seconds", ages.beat_s)
    readings.add("avnu_canary_age_seconds", ages.canary_s)
    if ages.received_s is not None:
        readings.add("avnu_received_age_seconds", ages.received_s)
