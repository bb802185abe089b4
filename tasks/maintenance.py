"""Periodic work that belongs to no webhook: tasks that beat sends to the queue ``maintenance``.

All upkeep that the inbox needs is in the tick of every worker, so that no beat is a single point of
failure; what is here can wait for a while. Each job is one caller's in each period, whatever number
of beats runs. How to add one: ``avnu/jobs.py``.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from celery import Task, shared_task
from redis.exceptions import RedisError

from avnu.app import runtime_of
from avnu.breaker.control import BreakerControl
from avnu.breaker.policy import SHOPIFY, BreakerPolicy
from avnu.compliance.upkeep import purge_exports, remind
from avnu.errors import BreakerOpen, InboxUnavailable
from avnu.faults import told_by_place
from avnu.health import watching
from avnu.health.hearing import note_canary
from avnu.jobs import CANARY, WATCH
from avnu.keys import Keys
from avnu.logs import about
from avnu.reconcile.slices import run_slice
from avnu.reconcile.starting import begin_due
from avnu.runtime import Runtime
from avnu.settings import Settings
from avnu.store.ahead import Ahead
from avnu.store.columns import instant
from avnu.store.purging import purge_leftovers, purge_tombstones
from avnu.subscriptions.audit import Audits
from avnu.upkeep import job

log = logging.getLogger(__name__)


@job
def refresh_tokens(runtime: Runtime, until_s: float) -> dict[str, int]:
    """Ask for new tokens before the old ones end, also of shops in which nothing happens."""
    services = runtime.services.get()
    _require_closed(runtime)
    did = Ahead(services.store, services.tokens, runtime.clock).run(until_s)
    return {"refreshed": did.refreshed, "failed": did.failed}


@job
def audit_subscriptions(runtime: Runtime, until_s: float) -> dict[str, int]:
    """Look at the webhook subscriptions of some shops; each comes once a day."""
    services = runtime.services.get()
    audits = Audits(
        runtime.settings, services.store, runtime.clock, runtime.random,
        habits=services.habits, admin=services.admin,
    )  # fmt: skip
    return audits.run(until_s)


@job
def purge(runtime: Runtime, until_s: float) -> dict[str, int]:
    """Remove what is past its time from the database."""
    store, now = runtime.services.get().store, instant(runtime.clock.time())
    more = _more(runtime, until_s)
    return {
        "tombstones": purge_tombstones(store, now - _kept(runtime.settings), more),
        "leftovers": purge_leftovers(store, now, more),
    }


@job
def look_at_requests(runtime: Runtime, until_s: float) -> dict[str, int]:
    """Requests by privacy law: remind of deadlines, remove old exports and late customers' bodies.

    Every worker host that has the folder of exports may be the one: they share it.
    """
    services, settings, clock = runtime.services.get(), runtime.settings, runtime.clock
    return {
        "reminded": len(remind(settings, services.store, clock)),
        "exports": purge_exports(settings, services.store, clock),
        "late_bodies": services.compliance.redact_late_bodies(_more(runtime, until_s)),
    }


@job
def reconcile(runtime: Runtime, until_s: float) -> dict[str, int]:
    """Begin the comparisons with Shopify that are due; each is a task of its own."""
    owner = runtime.new_owner()
    store = runtime.services.get().store
    due = begin_due(store, runtime.settings, owner, runtime.random)
    for shop, resource in due:
        reconcile_shop.apply_async((shop, resource, owner))
    return {"begun": len(due)}


@shared_task(name="tasks.maintenance.reconcile_shop", bind=True)
def reconcile_shop(
    task: Task[..., object], shop: str, resource: str, owner: str
) -> dict[str, int | str]:
    """Compare a shop's products, items, levels, locations or orders with Shopify, for a second."""
    with told_by_place():
        return run_slice(
            runtime_of(task), shop, resource, owner, lambda *slice_: task.apply_async(slice_)
        )


@shared_task(name=CANARY, bind=True)
def canary(task: Task[..., object]) -> None:
    """Beat's canary: that it came back through the queue is all."""
    with suppress(InboxUnavailable):  # its age says so
        note_canary(runtime_of(task).inbox)


@shared_task(name=WATCH, bind=True)
def watch(task: Task[..., object]) -> dict[str, int | str]:
    """Look at servers, inbox, database and Shopify; log each change of state once."""
    runtime = runtime_of(task)
    try:
        with runtime.gate.together():
            return watching.watch(
                runtime.settings, runtime.connections, runtime.inbox,
                lambda: runtime.services.get().store, runtime.new_owner(),
            )  # fmt: skip
    except InboxUnavailable as fault:
        log.warning("the monitor could not look", extra=about(error=str(fault)))
        return {"ended": "inbox"}


def _require_closed(runtime: Runtime) -> None:
    """While Shopify is down, or an operator says so, nobody asks it. Raises BreakerOpen."""
    names, policy = Keys(runtime.settings.avnu_namespace), BreakerPolicy.of(runtime.settings)
    try:
        state = BreakerControl(runtime.connections.cache(), names, policy).show(SHOPIFY)
    except (RedisError, OSError):
        return  # the first answer will tell
    if state.state in ("open", "forced-open"):
        raise BreakerOpen(SHOPIFY, state.left_ms / 1000)


def _more(runtime: Runtime, until_s: float) -> Callable[[], bool]:
    return lambda: runtime.clock.monotonic() < until_s


def _kept(settings: Settings) -> timedelta:
    """How long tombstones are kept: longer than any webhook waits, or stays to be replayed."""
    longest_s = settings.park_max_seconds + settings.dead_ttl_seconds
    return max(timedelta(days=settings.tombstone_days), timedelta(days=1, seconds=longest_s))
