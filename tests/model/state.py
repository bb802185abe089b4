"""The state of the inbox, of DB 1 and of the workers: immutable, small, hashable.

Webhooks, shops, partitions and workers are numbered from 0. Places are words, so that traces read.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from tests.model.options import Options

# --- Where a webhook is
NEW, LINE, LEASED, SOLO, RUNNING = "new", "line", "leased", "solo", "running"
DONE, SUPERSEDED, DEAD, DROPPED, VANISHED = "done", "superseded", "dead", "dropped", "vanished"
HELD = "held"  # set aside by a turn, because its topic is paused
OPEN = (LINE, HELD, LEASED, SOLO, RUNNING)
SETTLED = (DONE, SUPERSEDED)

# --- Sets in which a webhook that travels alone waits
SOLO_SET, REPLAYS, SUSPECTS, STOPPED = "solo", "replays", "suspects", "stopped"
PUBLISHED_FROM = {SOLO_SET, REPLAYS, SUSPECTS}

# --- Where a shop is (LEASED as above)
IDLE, READY, NOTED, PARKED, HALTED = "idle", "ready", "noted", "parked", "halted"

# --- What a worker does
OFF = "off"
WOKEN = "woken"  # has a wake-up, its drain not begun
DRAINING = "draining"  # holds (or held) a batch
ASKING = "asking"  # its turn's answer was lost
CLEARING = "clearing"  # reading: is about to clear the mark in a second script
TASKED = "tasked"  # has a solo task, not claimed
ALONE = "alone"  # runs (or ran) a solo webhook
DRAINS = (DRAINING, ASKING)

# --- How long something has waited for PARK_MAX_SECONDS
NOT, SHORT, LONG = 0, 1, 2


class Webhook(NamedTuple):
    """One webhook; ``raised``, ``crashes`` and ``outlasted`` only serve the checks."""

    at: str = NEW
    sets: tuple[str, ...] = ()
    fails: int = 0
    raised: int = 0  # runs of its own that raised, since accepted or replayed
    crashed: bool = False
    suspect: bool = False
    lone: int = 0
    crashes: int = 0  # leases it was in that ended without an answer, since accepted or replayed
    crashes_allowed: int = 0
    published: bool = False  # its score lies in the future: published since it became due
    messages: int = 0  # solo tasks in DB 1
    owner: int = 0
    expired: bool = False
    parked: int = NOT
    outlasted: bool = False  # PARK_MAX_SECONDS have passed since it first parked


class Shop(NamedTuple):
    """One shop; ``partition`` is the number it keeps until it is idle again."""

    at: str = IDLE
    partition: int = 0
    line: tuple[int, ...] = ()
    since: int = NOT
    timer: bool = False  # stands in `parked`
    held: tuple[int, ...] = ()
    releasing: bool = False


class Lease(NamedTuple):
    """Of a partition. ``newest``: drains with the partition's current wake number."""

    owner: int
    turn: int
    shops: tuple[int, ...]
    batch: tuple[int, ...]
    newest: bool
    expired: bool = False


class Partition(NamedTuple):
    """Ready shops, lease, mark (membership of `work`), and its wake-ups in DB 1."""

    ready: tuple[int, ...] = ()
    lease: Lease | None = None
    mark: bool = False
    newest: int = 0  # wake-ups in DB 1 with the current number
    older: int = 0
    tries: int = 0  # reading "counted": replacements since the last drain
    token: int = 0  # reading "reset": the counter that lives in the lease


class Worker(NamedTuple):
    """One thread of a process; ``target`` is a partition or a webhook."""

    does: str = OFF
    target: int = 0
    owner: int = 0
    turn: int = 0
    batch: tuple[int, ...] = ()
    newest: bool = False  # the wake-up in hand carries the current number
    frozen: bool = False
    outside: bool = False  # holds a lease and waits at its process's gate
    hung: bool = False
    verdicts: str = ""  # what it said in the turn whose answer was lost


class Budget(NamedTuple):
    """How often each thing may still happen: the fields of Options with the same names."""

    crash: int
    freeze: int
    lost: int
    duplicated: int
    reply: int
    outage: int
    flush: int
    failover: int
    park: int
    replay: int
    drop: int
    pause_area: int
    pause_shop: int
    pause_topic: int
    unpark: int
    day: int
    config: int


class Counts(NamedTuple):
    """The counters; ``dead`` is net of replayed and dropped ones."""

    accepted: int = 0
    settled: int = 0
    dead: int = 0
    dropped: int = 0


class World(NamedTuple):
    """What belongs to no single thing."""

    gap: bool = False  # no tick since an outage
    area_paused: bool = False
    topic_paused: bool = False  # of webhooks of type o
    shops_paused: tuple[int, ...] = ()
    token: int = 0  # the counter in Redis
    owner: int = 0  # the last random owner, where they must be told apart
    snapshot: Any = None  # what a failover would bring back


class State(NamedTuple):
    """Everything."""

    webhooks: tuple[Webhook, ...]
    shops: tuple[Shop, ...]
    partitions: tuple[Partition, ...]
    workers: tuple[Worker, ...]
    budget: Budget
    counts: Counts
    world: World


class Violation(Exception):
    """A step did what must never happen."""


class Plan:
    """What never changes in one experiment: its options, and which webhook is whose and how it is.

    Types of webhooks: o handled, f always fails, r rejected by its handler, x poison (its run kills
    the process), h hangs for ever; u (handled) and v (always fails) are versions of one resource
    per shop: of several in a batch only the newest runs.
    """

    def __init__(self, shops: Sequence[str], options: Options) -> None:
        self.options = options
        self.types = "".join(shops)
        self.shop_of = [s for s, types in enumerate(shops) for _ in types]
        self.order = [
            [w for w, of in enumerate(self.shop_of) if of == s] for s in range(len(shops))
        ]
        self.process_of = {k: process for process in options.processes for k in process}
        # Owners are told apart by number only where an old one can come back.
        self.numbered = options.failover > 0 or options.fence in ("counter", "reset")

    def initial(self) -> State:
        options = self.options
        allowed = options.attempts + 2
        return State(
            webhooks=(Webhook(crashes_allowed=allowed),) * len(self.types),
            shops=(Shop(),) * len(self.order),
            partitions=(Partition(),) * options.partitions,
            workers=(Worker(),) * sum(map(len, options.processes)),
            budget=Budget(*(getattr(options, name) for name in Budget._fields)),
            counts=Counts(),
            world=World(),
        )


class Draft:
    """A state while one step changes it."""

    __slots__ = (
        "budget", "counts", "options", "partitions", "plan", "shops", "webhooks", "workers",
        "world",
    )  # fmt: skip

    def __init__(self, plan: Plan, state: State) -> None:
        self.plan = plan
        self.options = plan.options
        self.webhooks = list(state.webhooks)
        self.shops = list(state.shops)
        self.partitions = list(state.partitions)
        self.workers = list(state.workers)
        self.budget = state.budget
        self.counts = state.counts
        self.world = state.world

    def webhook(self, w: int, **changes: Any) -> None:
        self.webhooks[w] = self.webhooks[w]._replace(**changes)

    def shop(self, s: int, **changes: Any) -> None:
        self.shops[s] = self.shops[s]._replace(**changes)

    def partition(self, p: int, **changes: Any) -> None:
        self.partitions[p] = self.partitions[p]._replace(**changes)

    def lease(self, p: int, **changes: Any) -> None:
        lease = self.partitions[p].lease
        assert lease is not None
        self.partition(p, lease=lease._replace(**changes))

    def worker(self, k: int, **changes: Any) -> None:
        self.workers[k] = self.workers[k]._replace(**changes)

    def rest(self, k: int) -> None:
        """The worker's task has ended, however."""
        self.workers[k] = Worker()

    def topic_is_paused(self, w: int) -> bool:
        return self.world.topic_paused and self.plan.types[w] == "o"

    def is_paused(self, w: int) -> bool:
        """Its area, its topic or its shop."""
        of_shop = self.plan.shop_of[w] in self.world.shops_paused
        return self.world.area_paused or of_shop or self.topic_is_paused(w)

    def count(self, **changes: int) -> None:
        """Add to counters."""
        for name, n in changes.items():
            self.counts = self.counts._replace(**{name: getattr(self.counts, name) + n})

    def spend(self, name: str) -> None:
        self.budget = self.budget._replace(**{name: getattr(self.budget, name) - 1})

    def frozen(self) -> State:
        """The state in its normal form."""
        if not self.plan.numbered:
            self._forget_owners()
        workers = self.workers
        if self.options.symmetric:
            groups = sorted(sorted(workers[k] for k in of) for of in self.options.processes)
            workers = [worker for group in groups for worker in group]
        return State(
            tuple(self.webhooks), tuple(self.shops), tuple(self.partitions), tuple(workers),
            self.budget, self.counts, self.world,
        )  # fmt: skip

    def _forget_owners(self) -> None:
        """Only whether a worker still holds its lease matters, not its name: 1 it does, 0 not."""
        for k, worker in enumerate(self.workers):
            if worker.owner:
                self.worker(k, owner=int(holds(self, worker)), turn=1)
        for p, partition in enumerate(self.partitions):
            if partition.lease and (partition.lease.owner, partition.lease.turn) != (1, 1):
                self.lease(p, owner=1, turn=1)
        for w, webhook in enumerate(self.webhooks):
            if webhook.owner > 1:
                self.webhook(w, owner=1)


def holds(view: State | Draft, worker: Worker) -> bool:
    """Is the lease that this worker took, at the turn it took last, the one that stands?"""
    if worker.does in (TASKED, ALONE):
        webhook = view.webhooks[worker.target]
        return webhook.at == RUNNING and webhook.owner == worker.owner
    lease = view.partitions[worker.target].lease
    return lease is not None and (lease.owner, lease.turn) == (worker.owner, worker.turn)
