"""What an experiment can choose: its size, how many faults may strike, and how the text is read.

Every default is the scripts as built. Each other value of a *reading* is a mutation: another way
to read DESIGN.md section 3, most of which break something (see ``experiments.BREAKS``).
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Options:
    """One experiment's choices. Budgets say how often at most a thing happens in one history."""

    # --- Size
    batch: int = 2  # INBOX_BATCH
    turn_shops: int = 2  # INBOX_TURN_SHOPS
    solo_room: int = 2  # INBOX_SOLO_PER_SECOND, as room in the queue
    attempts: int = 2  # QUEUE_ATTEMPTS
    partitions: int = 1
    processes: tuple[tuple[int, ...], ...] = ((0,), (1,))  # workers (threads) by process
    symmetric: bool = True  # states that differ in the workers' names only are one

    # --- Budgets of faults
    crash: int = 0  # a process dies
    freeze: int = 0  # a worker stands still past its lease, then goes on
    lost: int = 0  # a message of DB 1 is lost
    duplicated: int = 0  # a message stands twice, or one whose worker died comes back
    reply: int = 0  # a script took effect, its answer is lost
    outage: int = 0  # Redis, or everything, is away for longer than a lease
    flush: int = 0  # DB 1 is wiped
    failover: int = 0  # Redis falls back to an older state

    # --- Budgets of what handlers and the operator do
    park: int = 0
    replay: int = 0
    drop: int = 0
    pause_area: int = 0
    pause_shop: int = 0
    pause_topic: int = 0  # the topic of webhooks of type o
    unpark: int = 0
    day: int = 0  # PARK_MAX_SECONDS pass
    config: int = 0  # INBOX_PARTITIONS changes from 2 to 1, process by process

    # --- What is demanded beyond the invariants
    wakeups: int | None = None  # bound of those of one partition in DB 1, besides doubled ones
    order: Literal["healthy", "strict"] = "healthy"  # whom the promise of order covers
    overlap: Literal["allowed", "forbidden"] = "allowed"  # two workers run one shop's webhooks

    # --- Readings: wake-ups
    older_number: Literal["drains", "refused_at_start", "refused_at_turns"] = "drains"
    adoption: bool = True  # the drain in progress takes over the number of a wake-up found BUSY
    # Replace a wake-up: only while DB 1 holds < 2 x parts | whenever | twice per drain | never.
    replace: Literal["short_queue", "always", "counted", "off"] = "short_queue"
    replace_during: Literal["no_lease", "any_lease"] = "no_lease"
    mark_cleared: Literal["by_turn", "separately"] = "by_turn"
    recovery_wakes: bool = True  # a recovery that leaves work pushes a wake-up
    recovery_clears: bool = True  # a recovery that leaves none clears the mark
    recoverer_number: Literal["inherited", "own"] = "inherited"  # begin that recovers drains as …
    fifo: bool = False  # wake-ups of a partition are taken in the order they were pushed

    # --- Readings: leases
    expired: Literal["recovered", "stolen"] = "recovered"  # what begin does with an expired lease
    lease_has_ttl: bool = False
    # What a settle must match: owner and turn number | owner | a counter in Redis | a counter
    # that dies with the lease | nothing.
    fence: Literal["turn", "owner", "counter", "reset", "none"] = "turn"
    gap: Literal["checked", "tick_only", "ignored"] = "checked"
    lost_reply: Literal["asked_again", "sent_blindly", "abandoned"] = "asked_again"
    renewal_ends: bool = True  # at the handler's deadline
    tick_walks: Literal["work", "range"] = "work"  # the set of parts with work | range(N)
    tick_moves_shops: bool = False  # each tick moves ready shops by its own INBOX_PARTITIONS

    # --- Readings: shops
    arrival: Literal["by_place", "first_in_line", "by_hash", "wakes_parked"] = "by_place"
    unpark_looks: bool = True  # unparking looks whether the shop is parked
    back: Literal["front", "rear"] = "front"  # where webhooks that are left go in their line
    solo_parks: Literal["note", "place", "leaves_ready", "itself"] = "note"
    paused_turn: Literal["keeps_mark", "clears_mark"] = "keeps_mark"
    resume: Literal["wakes", "silent"] = "wakes"
    held_go: Literal["front", "rear"] = "front"  # where held webhooks return when their topic does
    # Held webhooks return in the script that resumes | later, as for those beyond its bound.
    release: Literal["at_once", "by_tick"] = "at_once"
    paused_suspects: Literal["stay", "set_aside"] = "stay"

    # --- Readings: troubled webhooks
    # When a crash counts: third on, as lone suspect | the second makes a suspect and counts |
    # the first makes a suspect | any in a batch of one | any.
    crash_counts: Literal["suspect", "second", "marked", "batch_of_one", "any"] = "suspect"
    crashed_goes: Literal["solo", "line"] = "solo"
    suspects: Literal["one", "together"] = "one"
    gate: Literal["before_claim", "after_claim", "none"] = "before_claim"
    busy_suspect: Literal["stays_due", "is_done_with"] = "stays_due"
    # After an exception out of several: each again by itself, or alone when time is short |
    # always alone | all are charged.
    batch_raises: Literal["one_by_one", "solo", "charged"] = "one_by_one"
    one_raises: Literal["failed", "unspent"] = "failed"
    published: Literal["noted", "freely", "taken_out"] = "noted"
    superseded: Literal["with_newer", "always"] = "with_newer"
    replay_forgets: Literal["counts", "nothing", "suspicion"] = "counts"
    replay_forgets_parking: bool = True
    made_due: Literal["moves", "adds"] = "moves"  # replay of a webhook that waits already
    replayed_goes: Literal["solo", "line"] = "solo"
    dead_have_ttl: bool = False
