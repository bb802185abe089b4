"""Deadlines that come near, and exports past their time. Safe however many do it at once."""

import logging
from datetime import timedelta
from pathlib import Path

from avnu.clock import Clock
from avnu.compliance.exports import Exports
from avnu.compliance.ledger import Ledger, Request
from avnu.logs import about
from avnu.settings import Settings
from avnu.store.database import Store

log = logging.getLogger(__name__)


def remind(settings: Settings, store: Store, clock: Clock) -> list[Request]:
    """An error in the log for each open request whose deadline is near, once a day."""
    within = timedelta(days=settings.compliance_remind_days)
    due = Ledger(store, clock).remind(within)
    for one in due:
        log.error(
            "a request by law is not carried out; avnu compliance show says more, "
            "avnu dead list --area compliance what failed",
            extra=about(
                topic=one.topic, due=one.due_at.date().isoformat(), shop=one.shop, request=one.id
            ),
        )
    return due


def purge_exports(settings: Settings, store: Store, clock: Clock) -> int:
    """Removes files past their time, with their names in the ledger; answers how many files."""
    ledger, exports = Ledger(store, clock), Exports(Path(settings.compliance_export_dir))
    removed = 0
    for one in ledger.ended_exports():
        if one.export is not None:
            # First the file: its name is the only way to it.
            exports.remove(one.export)
            ledger.unfile(one)
            removed += 1
    known = [one.export for one in ledger.every() if one.export is not None]
    return removed + exports.sweep(clock.time(), known)
