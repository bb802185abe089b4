"""Settings of requests by privacy law. Part of ``avnu/settings/table.py``."""

import dataclasses

from avnu.settings.kinds import DAY_S, Text, row, whole


@dataclasses.dataclass(frozen=True, kw_only=True)
class ComplianceSettings:
    """Compliance: what customers and merchants may ask for by law."""

    compliance_export_dir: str = row(
        Text("folder"),
        ".avnu/exports",
        "Where the exports for data requests are written; all hosts with workers must share it.",
    )
    compliance_export_days: int = whole(
        14, "days", "How long an export is kept for the merchant.", 1, 90
    )
    compliance_remind_days: int = whole(
        10, "days", "How long before its deadline an open request is an error in the log.", 1, 29
    )
    compliance_every_seconds: int = whole(
        3600, "s", "How often deadlines and old exports are looked for.", 10, DAY_S
    )
