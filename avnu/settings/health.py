"""Settings of the monitor (``avnu/health/``). Part of ``avnu/settings/table.py``."""

import dataclasses

from avnu.settings.kinds import whole


@dataclasses.dataclass(frozen=True, kw_only=True)
class HealthSettings:
    """Monitor: what is looked at, and from where on it is told."""

    partition_stuck_seconds: int = whole(
        60, "s", "A partition with work that nobody takes up for so long is stuck.", 5, 3600
    )
