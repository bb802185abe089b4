"""The periodic jobs: what each is called, and how often it runs. Beat's schedule is made from it.

To add a job:
1. A setting ``<something>_every_seconds`` in ``avnu/settings/upkeep.py``.
2. A row in ``_EVERY`` below: its name, which setting, and how long one run may take.
3. A function of that name in ``tasks/maintenance.py`` under ``@job`` (``avnu/upkeep.py``). It is
   given the runtime and the monotonic second at which it must be over, and answers what it did, in
   numbers. It may be killed anywhere: work in short steps whose effects are whole, take up next
   time what was left, and keep what is seldom due (a time per shop, say) beside the data.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from avnu.settings import Settings


class Job(msgspec.Struct, frozen=True):
    """One job. ``lasts_s``: what one run may take; a run that is killed is due again soon after."""

    name: str  # function in tasks/maintenance.py
    every: Callable[[Settings], int]  # seconds
    lasts_s: int = 20  # long runs keep a worker's process from webhooks

    @property
    def task(self) -> str:
        """The Celery task."""
        return f"tasks.maintenance.{self.name}"


# Of a message: the worker that drops it looks at its own clock, and may be busy for a while.
_LEAST_LIFE_S = 300

_EVERY = (
    Job("refresh_tokens", lambda settings: settings.tokens_every_seconds),
    # A few shops at a time: each has its own day.
    Job("audit_subscriptions", lambda settings: min(300, settings.subscriptions_every_seconds)),
    Job("purge", lambda settings: settings.purge_every_seconds),
    Job("look_at_requests", lambda settings: settings.compliance_every_seconds),
    Job("reconcile", lambda settings: settings.reconcile_every_seconds),
)

# Beside the jobs, as both must work without the database: beat's canary, which a worker takes to
# show that messages come through, and the monitor.
CANARY = "tasks.maintenance.canary"
WATCH = "tasks.maintenance.watch"

JOBS: Mapping[str, Job] = MappingProxyType({job.name: job for job in _EVERY})


def beat_schedule(settings: Settings) -> dict[str, dict[str, Any]]:
    """What beat sends, and when. A message nobody took in time is dropped: the next one is there.

    Beat says only that a job may be due. Whether it is, the database knows (``periodic.py``), so
    any number of beats may run.
    """
    every = {job.task: job.every(settings) for job in JOBS.values()}
    every |= {CANARY: settings.monitor_canary_seconds, WATCH: settings.monitor_every_seconds}
    return {
        task.rpartition(".")[2]: {
            "task": task,
            "schedule": float(every_s),
            "options": {"expires": max(_LEAST_LIFE_S, every_s)},
        }
        for task, every_s in every.items()
    }
