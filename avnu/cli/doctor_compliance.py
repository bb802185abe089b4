"""The part of ``avnu doctor`` about requests by privacy law."""

from datetime import timedelta

from avnu.cli.check import Check, failed, ok, warning
from avnu.clock import Clock
from avnu.compliance.ledger import Ledger
from avnu.settings import Settings
from avnu.store.columns import instant
from avnu.store.database import Store

_NAMED = 5
_WHY = "the law gives 30 days, and Shopify removes apps that miss it"
_TODO = "avnu compliance list --open; what failed: avnu dead list --area compliance"


def compliance_check(settings: Settings, store: Store, clock: Clock) -> Check:
    """Whether an open request is near its deadline, or past it."""
    still_open = Ledger(store, clock).every(still_open=True)
    if not still_open:
        return ok("compliance", "no request is open")
    now = instant(clock.time())
    first = still_open[0].due_at
    named = ", ".join(f"{one.shop}/{one.id}" for one in still_open[:_NAMED])
    found = f"{len(still_open):,} open, the first due {first.date().isoformat()}"
    if first <= now:
        return failed("compliance", f"{found}: {named}", _WHY, _TODO)
    if first <= now + timedelta(days=settings.compliance_remind_days):
        return warning("compliance", f"{found}: {named}", _WHY, _TODO)
    return ok("compliance", found)
