"""Every metric by name. Rules and dashboards under ``deploy/`` are held against this table."""

import enum
from collections.abc import Mapping
from types import MappingProxyType

import msgspec


class MetricType(enum.StrEnum):
    """Prometheus' types that are used here."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Family(msgspec.Struct, frozen=True):
    """One metric. ``name`` as queries have it; a histogram adds _bucket, _sum and _count."""

    name: str
    kind: MetricType
    meaning: str
    labels: tuple[str, ...] = ()


def _counter(name: str, meaning: str, *labels: str) -> Family:
    return Family(name, MetricType.COUNTER, meaning, labels)


def _gauge(name: str, meaning: str, *labels: str) -> Family:
    return Family(name, MetricType.GAUGE, meaning, labels)


def _histogram(name: str, meaning: str, *labels: str) -> Family:
    return Family(name, MetricType.HISTOGRAM, meaning, labels)


_EVERY = (
    # --- webhooks
    _counter("avnu_webhooks_received_total", "Deliveries by what became of them.", "outcome"),
    _histogram("avnu_ack_seconds", "From a delivery's arrival to its answer; refusals are not in."),
    _gauge("avnu_received_age_seconds", "Since Shopify last delivered a webhook; absent: never."),
    _counter("avnu_webhooks_settled_total", "Webhooks settled.", "area", "outcome"),
    _histogram("avnu_lag_seconds", "From accepted to settled.", "area"),
    _counter("avnu_webhooks_dead_total", "Webhooks that became dead letters.", "area", "cause"),
    _counter("avnu_webhook_retries_total", "Failed runs that will be tried again.", "area"),
    _counter(
        "avnu_webhooks_put_away_total",
        "Webhooks done without effect, as their shops have left.",
        "area",
    ),
    _counter(
        "avnu_webhooks_missed_total",
        "Changes that only a reconciliation told of: their webhooks never came.",
        "resource",
    ),
    # --- the inbox
    _gauge("avnu_inbox_backlog", "Webhooks neither settled nor dead.", "area"),
    _gauge("avnu_inbox_parked", "Webhooks of parked shops, part of the backlog.", "area"),
    _gauge(
        "avnu_inbox_oldest_seconds",
        "Age of the oldest webhook that waits and is not parked.",
        "area",
    ),
    _gauge("avnu_inbox_dead", "Dead letters now.", "area"),
    _gauge("avnu_inbox_full", "1 while accept answers 503 for want of memory."),
    _gauge("avnu_shops_parked", "Shops that wait, by why.", "cause"),
    _gauge(
        "avnu_partitions_stuck",
        "Partitions with work that nobody took up for PARTITION_STUCK_SECONDS.",
        "area",
    ),
    # --- workers and beat
    _gauge("avnu_tick_age_seconds", "Since any worker's last tick; +Inf: never."),
    _gauge("avnu_beat_age_seconds", "Since beat was last heard of; +Inf: never."),
    _gauge("avnu_canary_age_seconds", "Since a worker last took beat's canary; +Inf: never."),
    _counter("avnu_leases_recovered_total", "Leases that ended without an answer."),
    _counter("avnu_wakeups_replaced_total", "Wake-ups that seemed lost."),
    # --- Shopify
    _counter("avnu_api_calls_total", "Calls of the Admin API by what came of them.", "outcome"),
    _counter("avnu_api_points_total", "Points of the Admin API spent."),
    _gauge("avnu_breaker_open", "1 while nobody calls what it guards.", "breaker"),
    _gauge("avnu_subscriptions_missing", "Webhook subscriptions that installed shops lack."),
    _gauge(
        "avnu_compliance_due_seconds",
        "Until the nearest deadline of an open request by law; absent: none is open.",
    ),
    # --- Redis, by what it is used for: inbox, queue, cache
    _gauge("avnu_redis_up", "1 when it answers.", "role"),
    _gauge("avnu_redis_latency_seconds", "The slower of a PING, and of SET and GET.", "role"),
    _gauge("avnu_redis_memory_used_bytes", "Memory in use.", "role"),
    _gauge("avnu_redis_memory_max_bytes", "maxmemory; 0: without bounds.", "role"),
    _gauge("avnu_redis_clients", "Connections now.", "role"),
    _gauge("avnu_redis_clients_max", "maxclients.", "role"),
    _counter("avnu_redis_evicted_total", "Keys evicted.", "role"),
    _counter("avnu_redis_hits_total", "Reads of keys that were there.", "role"),
    _counter("avnu_redis_misses_total", "Reads of keys that were not there.", "role"),
    _counter("avnu_redis_errors_total", "Errors answered, by their first word.", "role", "error"),
    _gauge("avnu_redis_replicas", "Replicas that are online.", "role"),
    _gauge("avnu_redis_persistence_ok", "1 while saving to disk works.", "role"),
    _gauge("avnu_redis_policy_ok", "0 when maxmemory-policy may evict webhooks.", "role"),
    # --- the monitor
    _gauge("avnu_check_state", "What the monitor found: 0 ok, 1 a warning, 2 failed.", "check"),
    _gauge("avnu_monitor_age_seconds", "Since the monitor last looked; +Inf: never."),
)

FAMILIES: Mapping[str, Family] = MappingProxyType({family.name: family for family in _EVERY})
