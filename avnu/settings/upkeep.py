"""Settings of the periodic jobs (``avnu/jobs.py``). Part of ``avnu/settings/table.py``."""

import dataclasses

from avnu.settings.kinds import DAY_S, whole


@dataclasses.dataclass(frozen=True, kw_only=True)
class UpkeepSettings:
    """Upkeep: what beat asks for, and how often."""

    tokens_every_seconds: int = whole(
        300, "s", "How often tokens that near their end are looked for and refreshed.", 10, 3600
    )
    purge_every_seconds: int = whole(
        3600, "s", "How often what is past its time is removed from the database.", 10, DAY_S
    )
    subscriptions_every_seconds: int = whole(
        DAY_S, "s", "How often each shop's webhook subscriptions are looked at.", 60, 30 * DAY_S
    )
    tombstone_days: int = whole(
        30,
        "days",
        "How long it is remembered that something was deleted: longer than any webhook is late.",
        2,
        3650,
    )
