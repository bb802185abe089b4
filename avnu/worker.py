"""What makes a Celery worker an Avnu worker: the tick, its checks at start, its end, its logs."""

import logging
from contextlib import suppress
from importlib import import_module
from typing import Any

from celery import bootsteps
from celery._state import get_current_task
from celery.signals import celeryd_init, setup_logging
from redis.exceptions import RedisError

from avnu.app import AvnuCelery
from avnu.errors import (
    InboxUnavailable,
    SettingsInvalid,
    StoreOutdated,
    StoreUnavailable,
    UnsupportedServer,
)
from avnu.logs import configure_logging
from avnu.start_check import check_consuming, check_start
from avnu.store.database import Store
from avnu.store.market.changes import hook_named
from avnu.store.schema import require_schema
from avnu.store.vault import require_vault
from avnu.ticker import Ticker
from avnu.worker_end import end_in_time

log = logging.getLogger(__name__)

_UNFIT_POOLS = ("gevent", "eventlet")


def equip(app: AvnuCelery) -> None:
    """Add Avnu's steps and logging to an app that will run as a worker."""
    app.steps["worker"].add(TickStep)
    end_in_time(app)

    def configure(**_: Any) -> None:
        configure_logging(app.runtime.settings, _current_task)

    setup_logging.connect(configure, weak=False)
    celeryd_init.connect(configure, weak=False)  # a worker warns before it sets up logging


def _current_task() -> dict[str, object]:
    """The task in which a line is logged, for that line."""
    task: Any = get_current_task()
    return {"task": task.name, "task_id": task.request.id} if task is not None else {}


class TickStep(bootsteps.StartStopStep):
    """Starts the tick once the pool's processes are forked; stops it with the worker."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        refuse_unfit_pool(worker)
        _refuse_without_keys(worker.app)
        _refuse_without_hook(worker.app)
        _refuse_outdated_database(worker.app)
        _load_before_fork()
        self._ticker: Ticker | None = None

    def start(self, parent: Any) -> None:
        """Check the server, then tick."""
        _refuse_unfit_server(parent.app)
        self._ticker = Ticker(
            parent.app, parent.app.runtime.inbox, parent.hostname, parent.concurrency
        )
        self._ticker.start()

    def stop(self, parent: Any) -> None:  # noqa: ARG002 -- Celery's signature
        """Tick no more."""
        if self._ticker:
            self._ticker.stop()

    def terminate(self, parent: Any) -> None:
        """The same on a cold shutdown."""
        self.stop(parent)


def _load_before_fork() -> None:
    """What each child would load for itself: billiard parses a line of C to end with its parent."""
    with suppress(ImportError):  # then it does without
        import_module("cffi.cparser")


def refuse_unfit_pool(worker: Any) -> None:
    """Ends the worker, with the reason, where Celery runs tasks in green threads."""
    pool = getattr(worker.pool_cls, "__module__", str(worker.pool_cls))
    for name in _UNFIT_POOLS:
        if name in pool:
            raise SystemExit(
                f"avnu: the {name} pool is not supported: Celery never looks for abandoned messages"
                " under it, and a lease cannot be renewed while a handler computes."
                " Use -P prefork (the default) or -P threads."
            )


def _refuse_without_keys(app: AvnuCelery) -> None:
    """Without them no token can be read, so no handler could call Shopify."""
    try:
        require_vault(app.runtime.settings)
    except SettingsInvalid as fault:
        raise SystemExit(f"avnu: {fault}") from None


def _refuse_without_hook(app: AvnuCelery) -> None:
    """Changes would be written, and the marketplace's own code never told."""
    try:
        hook_named(app.runtime.settings.market_changed)
    except SettingsInvalid as fault:
        raise SystemExit(f"avnu: {fault}") from None


def _refuse_outdated_database(app: AvnuCelery) -> None:
    """One that lacks a migration ends the worker with the command; one that is away does not."""
    try:
        with Store(app.runtime.settings.database_url) as store:
            require_schema(store)
    except (SettingsInvalid, StoreOutdated) as fault:
        raise SystemExit(f"avnu: {fault}") from None
    except StoreUnavailable as fault:
        log.warning("database not checked: %s", fault)


def _refuse_unfit_server(app: AvnuCelery) -> None:
    """An unfit server ends the worker with the reason; one that is away is waited for."""
    try:
        check_start(app.runtime.connections, app.runtime.inbox)
        check_consuming(app.runtime.connections, app.runtime.inbox)
    except UnsupportedServer as fault:
        raise SystemExit(f"avnu: {fault}") from None
    except (RedisError, OSError, InboxUnavailable) as fault:
        log.warning("server not checked, it cannot be reached: %s", type(fault).__name__)
