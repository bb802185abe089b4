"""Settings of inbox, queue and receiver. Part of ``avnu/settings/table.py``."""

import dataclasses
import enum

from avnu.settings.kinds import DAY_S, MIB, Choice, row, whole


class Durability(enum.StrEnum):
    """What has happened to a webhook before Shopify gets its 200."""

    MEMORY = "memory"
    FSYNC = "fsync"
    REPLICA = "replica"


@dataclasses.dataclass(frozen=True, kw_only=True)
class QueueSettings:
    """Queue: the names and meanings of the Bull service."""

    queue_concurrency: int = whole(3, "processes", "Children of one worker.", 1, 256)
    queue_attempts: int = whole(
        3, "runs", "Failed runs in total, the first included, before a webhook is dead.", 1, 100
    )
    queue_backoff_delay: int = whole(
        5000, "ms", "Delay after the first failed run; doubled after each further one.", 1, 3600000
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class InboxSettings:
    """Inbox: where a webhook is kept from its 200 until it is settled."""

    inbox_partitions: int = whole(
        16,
        "partitions",
        "Partitions of each area: how many workers can work on it at once.",
        1,
        1024,
    )
    inbox_batch: int = whole(50, "webhooks", "Most webhooks in one turn.", 1, 1000)
    inbox_turn_shops: int = whole(
        20, "shops", "Most shops in one turn: those with few webhooks share its cost.", 1, 200
    )
    inbox_batch_bytes: int = whole(
        4 * MIB, "bytes", "Most bytes of bodies in one turn, beyond the first.", 1024, 64 * MIB
    )
    inbox_slice_ms: int = whole(
        250, "ms", "How long one Celery message drains before it hands over.", 10, 60000
    )
    inbox_round_ms: int = whole(
        1000, "ms", "How long a round over all partitions with work may take: slices shrink to it.",
        100, 60000,
    )  # fmt: skip
    inbox_lease_seconds: int = whole(
        15, "s", "Term of a lease: a dead worker's webhooks run again after it.", 5, 300
    )
    inbox_handler_seconds: int = whole(
        60, "s", "Longest run of one handler; its lease is renewed no further.", 5, 3600
    )
    inbox_full_percent: int = whole(
        85,
        "% of maxmemory",
        "Above this the receiver answers 503, and what is kept drains.",
        50,
        95,
    )
    inbox_durability: Durability = row(
        Choice(Durability),
        Durability.MEMORY,
        "What 200 promises: as durable as Redis is set up, on its disk, or at a replica.",
    )
    inbox_durability_replicas: int = whole(
        1,
        "replicas",
        "How many replicas confirm with `replica`; all of them, and any of them may be promoted.",
        1,
        5,
    )
    inbox_durability_timeout_ms: int = whole(
        1000, "ms", "Longest wait for disk or replica before the receiver answers 503.", 10, 30000
    )
    inbox_solo_per_second: int = whole(
        200,
        "webhooks/s",
        "Most webhooks that retries and replays put into Celery per second.",
        1,
        100000,
    )
    inbox_replay_guard_seconds: int = whole(
        DAY_S, "s", "How long a signature is remembered against replays.", 60, 30 * DAY_S
    )
    park_first_seconds: int = whole(5, "s", "First rest of a shop that cannot be served.", 1, 3600)
    park_longest_seconds: int = whole(
        300, "s", "Longest single rest; rests double up to it.", 1, DAY_S
    )
    park_max_seconds: int = whole(
        DAY_S, "s", "After this long without service a parked webhook is dead.", 60, 30 * DAY_S
    )
    dead_ttl_seconds: int = whole(
        30 * DAY_S, "s", "How long dead letters are kept for the operator.", 3600, 366 * DAY_S
    )
    unhandled_seconds: int = whole(
        3600,
        "s",
        "How long a topic that no worker knows is tried again before it is dead.",
        60,
        30 * DAY_S,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class WebhookSettings:
    """Receiver: what it accepts, and how long it waits."""

    webhook_keep_body_seconds: int = whole(
        0, "s, 0 for not at all", "How long the body of a settled webhook is kept.", 0, 30 * DAY_S
    )
    webhook_max_bytes: int = whole(
        16 * MIB, "bytes", "Largest body; beyond it 413.", 1024, 64 * MIB
    )
    webhook_inflight_bytes: int = whole(
        64 * MIB,
        "bytes",
        "Most bytes of bodies in one process at once; beyond it 503.",
        1024,
        4096 * MIB,
    )
    webhook_body_seconds: int = whole(5, "s", "Longest wait for a whole body.", 1, 60)
    webhook_inbox_seconds: int = whole(2, "s", "Longest wait for the inbox; then 503.", 1, 60)
