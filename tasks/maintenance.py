"""Periodic work that belongs to no webhook: tasks that beat sends to the queue ``maintenance``.

All upkeep that the inbox needs is in the tick of every worker, so that no beat is a single point of
failure; what is here can wait for a while. Each job is one caller's in each period, whatever number
of beats runs. How to add one: ``avnu/jobs.py``.
"""

from avnu.runtime import Runtime
from avnu.upkeep import job


@job
def refresh_tokens(runtime: Runtime, until_s: float) -> dict[str, int]:
    """Ask for new tokens before the old ones end, also of shops in which nothing happens."""
    return {}


@job
def purge(runtime: Runtime, until_s: float) -> dict[str, int]:
    """Remove what is past its time from the database."""
    return {}
