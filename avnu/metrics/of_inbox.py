"""What the inbox tells: its counters, and what stands where."""

from collections.abc import Mapping

from avnu.inbox import Inbox
from avnu.inbox.buckets import ACK, ACK_BOUNDS_S, LAG, LAG_BOUNDS_S, cumulated
from avnu.inbox.overview import AreaState, overview
from avnu.inbox.stuck import stuck_partitions
from avnu.metrics.readings import Readings


def read_inbox(readings: Readings, inbox: Inbox) -> None:
    """Raises InboxUnavailable."""
    state = overview(inbox)
    counted = state.counters
    for outcome, n in state.received.items():
        readings.add("avnu_webhooks_received_total", n, outcome)
    for resource, n in state.missed.items():
        readings.add("avnu_webhooks_missed_total", n, resource)
    for area in state.areas:
        _area(readings, area)
    _latencies(readings, counted, [area.area for area in state.areas])
    for cause, n in state.parked_shops.items():
        readings.add("avnu_shops_parked", n, cause)
    for name, n in stuck_partitions(inbox, inbox.settings.partition_stuck_seconds).items():
        readings.add("avnu_partitions_stuck", n, name)
    readings.add("avnu_inbox_full", 1 if state.full else 0)
    readings.add("avnu_tick_age_seconds", state.tick_age_s)
    readings.add("avnu_leases_recovered_total", counted.get("leases_recovered", 0))
    readings.add("avnu_wakeups_replaced_total", counted.get("wakeups_replaced", 0))


def _area(readings: Readings, state: AreaState) -> None:
    area = state.area
    readings.add("avnu_webhooks_put_away_total", state.put_away, area)
    readings.add("avnu_webhooks_settled_total", state.done, area, "done")
    readings.add("avnu_webhooks_settled_total", state.superseded, area, "superseded")
    readings.add("avnu_webhook_retries_total", state.retries, area)
    for cause, n in sorted(state.dead_total.items()):
        readings.add("avnu_webhooks_dead_total", n, area, cause)
    readings.add("avnu_inbox_backlog", state.backlog, area)
    readings.add("avnu_inbox_parked", state.parked, area)
    readings.add("avnu_inbox_oldest_seconds", state.oldest_s, area)
    readings.add("avnu_inbox_dead", state.dead, area)


def _latencies(readings: Readings, counted: Mapping[str, int], areas: list[str]) -> None:
    acks = cumulated(counted, ACK, ACK_BOUNDS_S)
    readings.add_histogram("avnu_ack_seconds", acks, counted.get(f"{ACK}:us", 0) / 1e6)
    for area in areas:
        name = f"{LAG}:{area}"
        lags = cumulated(counted, name, LAG_BOUNDS_S)
        readings.add_histogram("avnu_lag_seconds", lags, counted.get(f"{name}:ms", 0) / 1e3, area)
