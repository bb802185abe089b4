"""Settings of the monitor (``avnu/health/``). Part of ``avnu/settings/table.py``."""

import dataclasses

from avnu.settings.kinds import DAY_S, whole


@dataclasses.dataclass(frozen=True, kw_only=True)
class HealthSettings:
    """Monitor: how often it looks, and from where on something is told."""

    monitor_every_seconds: int = whole(30, "s", "How often the monitor looks.", 5, 600)
    # At most 60 s: AvnuBeatStale (deploy/prometheus/alerts.yaml) fires after three of them.
    monitor_canary_seconds: int = whole(
        30, "s", "How often beat sends its canary through the queue.", 5, 60
    )
    monitor_late_seconds: int = whole(
        150, "s", "Beat or its canary is late when not heard of for so long.", 10, 3600
    )
    monitor_window_seconds: int = whole(
        300, "s", "What is counted is looked at over so long, up to twice as long.", 10, DAY_S
    )
    partition_stuck_seconds: int = whole(
        60, "s", "A partition with work that nobody takes up for so long is stuck.", 5, 3600
    )
    monitor_memory_percent: int = whole(
        80, "%", "Memory of a server, of its maxmemory, from which on it is told.", 1, 100
    )
    monitor_cpu_percent: int = whole(
        80, "%", "Time that a server's main thread works, from which on it is told.", 1, 100
    )
    monitor_clients_percent: int = whole(
        80, "%", "Connections of a server, of its maxclients, from which on it is told.", 1, 100
    )
    monitor_hit_percent: int = whole(
        50, "%", "Hits of the cache, of all that it is asked for, below which it is told.", 0, 100
    )
    monitor_redis_ms: int = whole(
        10, "ms", "A PING, or a SET and a GET, that take longer are told.", 1, 10_000
    )
    monitor_slow_percent: int = whole(
        1, "%", "Answers to deliveries after more than 1 s, from which on it is told.", 0, 100
    )
    monitor_oldest_seconds: int = whole(
        300, "s", "Age of the oldest waiting webhook, from which on it is told.", 1, DAY_S
    )
    monitor_retries_percent: int = whole(
        5, "%", "Failed runs, of all that are over, from which on it is told.", 0, 100
    )
    monitor_recovered: int = whole(
        20,
        "leases",
        "Lost leases or lost wake-ups in the window, from which on it is told.",
        1,
        10**6,
    )
    monitor_shops_percent: int = whole(
        2, "%", "Shops in trouble of one kind, of all, above which it is told.", 0, 100
    )
    monitor_silence_seconds: int = whole(
        900, "s", "Without a delivery for so long, and far longer than ever: told.", 60, 30 * DAY_S
    )
