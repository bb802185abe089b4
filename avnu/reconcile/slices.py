"""A run as Celery's messages carry it: one short slice each, then its successor.

A message names the owner that it was published for, and the slice takes the row under a new name:
a message that comes twice, or late, finds the row another's and ends. One that is lost leaves a
row whose owner is not heard of, and the periodic job publishes it again.
"""

import logging
import math
from collections.abc import Callable

from avnu.errors import AvnuError, InboxUnavailable, Park
from avnu.faults import place_of
from avnu.logs import about
from avnu.reconcile.steps import Steps
from avnu.reconcile.watermarks import Watermark
from avnu.runtime import Runtime

log = logging.getLogger(__name__)

Publish = Callable[[str, str, str], object]
"""``publish(shop, resource, owner)`` sends the message of a slice."""

# A worker's process that compares takes no webhooks meanwhile.
_SLICE_S = 1.0
_WAIT_S = 60.0
# What only the merchant or an operator can end is asked about as seldom as if all were well.
_FOR_LONG = frozenset({"frozen", "unauthorised", "forbidden", "not found", "locked", "security"})
_CAUSE_LENGTH = 40


def run_slice(
    runtime: Runtime, shop: str, resource: str, owner: str, publish: Publish
) -> dict[str, int | str]:
    """Take steps for a second, and publish the rest; what it did, for Flower.

    What makes the run wait is noted in its row. Raises what is a fault of the run's own, after
    noting that; the next run begins anew.
    """
    steps = steps_of(runtime)
    try:
        mark = steps.marks.take(shop, resource, owner, runtime.new_owner())
    except Park as fault:
        return {"ended": fault.cause}
    if mark is None:
        return {"ended": "lost"}
    before = mark.looked
    # Not beside a suspect: its crash must take nobody along.
    with runtime.gate.together():
        ended, last = _run(runtime, steps, mark)
    if ended == "goes on" and last.owner is not None:
        publish(shop, resource, last.owner)
    return {
        "ended": ended, "phase": last.phase or "", "looked": last.looked - before,
        "differing": last.differing, "gone": last.gone,
    }  # fmt: skip


def steps_of(runtime: Runtime) -> Steps:
    """Steps with what a worker's process has."""
    return Steps(
        runtime.settings, runtime.clock, runtime.random, runtime.inbox, runtime.services.get
    )


def _run(runtime: Runtime, steps: Steps, mark: Watermark) -> tuple[str, Watermark]:
    """Steps until the slice is over: how it ended, and the row as it was last known."""
    ends_s = runtime.clock.monotonic() + _SLICE_S
    last = mark
    try:
        while True:
            noted = steps.step(last, runtime.settings.reconcile_grace_seconds)
            if noted is None:
                return "lost", last
            last = noted
            if last.run_at is None:
                return "done", last
            if runtime.clock.monotonic() >= ends_s:
                return "goes on", last
    except (Park, InboxUnavailable) as fault:
        return _wait(steps, last, fault), last
    except Exception as fault:
        steps.marks.give_up(last, steps.next_s(), place_of(fault)[:_CAUSE_LENGTH])
        raise


def _wait(steps: Steps, mark: Watermark, fault: AvnuError) -> str:
    """Note why the run waits, and for how long; the periodic job goes on with it."""
    cause = fault.cause if isinstance(fault, Park) else "inbox"
    told_s = fault.wait_s if isinstance(fault, Park) else None
    if cause in _FOR_LONG:
        wait_s = steps.next_s()
    else:
        wait_s = told_s if told_s is not None and math.isfinite(told_s) else _WAIT_S
    log.info("waits", extra=about(shop=mark.shop, compared=mark.resource, cause=cause))
    try:
        steps.marks.let_go(mark, wait_s, cause)
    except Park as away:
        # Its owner is not heard of any more, and after a while another takes the row.
        told = about(shop=mark.shop, compared=mark.resource, cause=away.cause)
        log.warning("that it waits could not be noted", extra=told)
    return cause
