"""``tasks.<area>.drain(partition)``: turn by turn, for one slice of time."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence

from avnu import journal
from avnu.faults import place_of
from avnu.inbox.arrival import Stored
from avnu.inbox.turn import Batch, Ending, Letter, Parking, Settlement, Verdict
from avnu.logs import about
from avnu.run import run_batch
from avnu.runtime import Runtime
from avnu.settings import Settings
from avnu.webhook import Handler, Shop, Webhook

log = logging.getLogger(__name__)

# ± share of a retry delay: failures of one moment do not come back in one moment.
JITTER = 0.2

# Below this, what Celery spends on a message (1 to 3 ms) would be felt.
_SHORTEST_SLICE_MS = 20


def drain_partition(
    runtime: Runtime, handlers: Mapping[str, Handler], area: str, p: int, wake: int
) -> dict[str, int | str]:
    """Claim the partition, run its shops' batches until the slice ends; what it did, for Flower."""
    clock, settings = runtime.clock, runtime.settings
    owner = runtime.new_owner()
    drain = runtime.inbox.drain(area, p, wake, owner)
    began_s = clock.monotonic()
    did: Counter[str] = Counter()
    step = drain.begin()
    slice_ends_s = began_s + slice_s(settings, step.busy if isinstance(step, Batch) else 0)
    while isinstance(step, Batch):
        with (
            runtime.leases.holding("part", f"{area}/{p}", owner, drain.token) as deadline_s,
            runtime.gate.together(),
        ):
            settlement = _run(runtime, step, handlers, deadline_s, slice_ends_s)
        batch = step
        last = clock.monotonic() >= slice_ends_s
        step = drain.next(settlement, last=last, jitter=runtime.random.uniform(-JITTER, JITTER))
        kept = step not in (Ending.LOST, Ending.MISFIT)
        journal.settled(area, p, batch.webhooks, settlement.verdicts, kept)
        if kept:
            _count(did, batch, settlement, settings.queue_attempts)
    if step is Ending.MISFIT:
        log.error("verdicts did not fit the batch", extra=about(area=area, partition=p))
    return {"area": area, "partition": p, "ended": step.value, **did}


def _count(did: Counter[str], batch: Batch, settlement: Settlement, attempts: int) -> None:
    """What a drain answers: turns, shops served in them, and webhooks by what became of them."""
    failed = "solo" if attempts > 1 else "dead"
    fates = {**journal.NAMES, Letter.FAILED: failed, Letter.REJECTED: "dead"}
    did["turns"] += 1
    did["shops"] += len({webhook.shop for webhook in batch.webhooks})
    did.update(fates[verdict.letter] for verdict in settlement.verdicts)


def _note_habit(
    runtime: Runtime, shop: str, webhooks: Sequence[Stored], settlement: Settlement
) -> None:
    """What was handled tells how often the shop sends; what goes back will be told then."""
    handled = [
        one
        for one, verdict in zip(webhooks, settlement.verdicts, strict=True)
        if verdict.letter is not Letter.BACK
    ]
    runtime.services.get().habits.note(shop, handled)


def slice_s(settings: Settings, busy: int) -> float:
    """How long to drain before another partition's turn comes, with so many that have work.

    A new webhook waits until each of them had its slice, shared out over this worker's processes:
    so slices get shorter as more partitions are busy, and a round stays within INBOX_ROUND_MS.
    """
    share_ms = settings.inbox_round_ms * settings.queue_concurrency / max(1, busy)
    return max(_SHORTEST_SLICE_MS, min(settings.inbox_slice_ms, share_ms)) / 1000


def _run(
    runtime: Runtime,
    batch: Batch,
    handlers: Mapping[str, Handler],
    deadline_s: float,
    slice_ends_s: float,
) -> Settlement:
    """Shop after shop. When the slice ends in between, the rest is left: none waits long."""
    verdicts: list[Verdict] = []
    parkings: dict[str, Parking] = {}
    for domain, some in batch.by_shop():
        if verdicts and runtime.clock.monotonic() >= slice_ends_s:
            verdicts += [Verdict(Letter.BACK)] * len(some)
            continue
        shop = Shop(domain, runtime.clock, deadline_s, runtime.services.get)
        settlement, raised = run_batch(shop, [Webhook(stored) for stored in some], handlers)
        _note_habit(runtime, domain, some, settlement)
        verdicts += settlement.verdicts
        parkings |= settlement.parkings
        for parking in settlement.parkings.values():
            told = about(shop=domain, cause=parking.cause, wait_ms=parking.wait_ms)
            log.info("parked", extra=told)
        for fault in raised:
            log.warning("handler failed", extra=about(shop=domain, error=place_of(fault)))
    return Settlement(verdicts, parkings)
