"""What the periodic tasks are made of (``tasks/maintenance.py``): claim the period, do, or end.

    @job
    def purge(runtime: Runtime, until_s: float) -> dict[str, int]:
        ...

Which jobs there are, and how to add one, is in ``avnu/jobs.py``.
"""

import logging
from collections.abc import Callable

from celery import Task, shared_task

from avnu.app import runtime_of
from avnu.errors import Park
from avnu.faults import told_by_place
from avnu.jobs import JOBS
from avnu.periodic import Periodic
from avnu.runtime import Runtime

log = logging.getLogger(__name__)

Work = Callable[[Runtime, float], dict[str, int]]
"""``work(runtime, until_s)``: ``until_s`` is when (monotonic) it must be over; what it did."""

# Beyond what a run may take: after the first the process is ended, after the second another is due.
_GRACE_S = 15
_DEAD_S = 30


def job(work: Work) -> Work:
    """Register a job of the table; as a task it is ``tasks.maintenance.<function>``."""
    known = JOBS[work.__name__]

    @shared_task(name=known.task, bind=True, time_limit=known.lasts_s + _GRACE_S)
    def due(task: Task[..., object]) -> dict[str, int | str]:
        """Do the job, if this period is still to be had."""
        return run_job(runtime_of(task), known.name, work)

    return work


def run_job(runtime: Runtime, name: str, work: Work) -> dict[str, int | str]:
    """Claim the period and work; what came of it, for Flower.

    What cannot work just now (no database, no Shopify) is one line in the log: the next period is
    another chance. Raises HandlerFailed for a fault of the job's own.
    """
    known = JOBS[name]
    with told_by_place():
        try:
            periodic = Periodic(runtime.services.get().store, runtime.new_owner())
            every_s = float(known.every(runtime.settings))
            if not periodic.claim(name, every_s, known.lasts_s + _DEAD_S):
                return {"ended": "not due"}
            try:
                # Not beside a suspect: its crash must take nobody along.
                with runtime.gate.together():
                    did = work(runtime, runtime.clock.monotonic() + known.lasts_s)
            finally:
                periodic.ended(name)
        except Park as fault:
            log.warning("%s: not now: %s", name, fault)
            return {"ended": fault.cause}
    return {"ended": "done", **did}
