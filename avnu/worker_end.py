"""A worker's end in order, without what Celery and billiard wait for nothing: 0.6 s, not 3.

A stop is what every deploy and every Ctrl-C of `avnu up` waits for.
"""

import functools
import os
import threading
from typing import Any

from billiard import pool
from celery.signals import worker_process_shutdown, worker_shutdown, worker_shutting_down
from kombu.asynchronous import get_event_loop

from avnu.app import AvnuCelery

# Tenths of a second that an ending child waits for its results to be read. On a warm shutdown
# Celery forgets a message that it handed to a child and that the child has not confirmed
# (AsynPool.flush of 5.7); nobody reads that result, and the stop lasts billiard's default of 30 s,
# as long as Kubernetes waits before it kills.
_READ_WITHIN_TENTHS = 20


def end_in_time(app: AvnuCelery) -> None:
    """Add this to an app that will run as a worker."""
    pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT = _READ_WITHIN_TENTHS
    # Of a child of the prefork pool, and of the one process that a pool of threads has.
    worker_process_shutdown.connect(functools.partial(leave, app), weak=False)
    worker_shutdown.connect(functools.partial(part, app), weak=False)
    worker_shutting_down.connect(wake_loop, weak=False)


def part(app: AvnuCelery, **_: Any) -> None:
    """Hand over what this process has counted and holds of Shopify's budget."""
    for services in app.runtime.services.made():
        services.close()


def leave(app: AvnuCelery, exitcode: int, **_: Any) -> None:
    """End this child. Its results are read by now.

    billiard would tell the parent, which sees it anyway as when a child is killed, and then sleep
    for a second in the child while the parent waits for it.
    """
    part(app)
    os._exit(exitcode)


def wake_loop(**_: Any) -> None:
    """Have the consumer's loop look now: a signal alone does not end its wait, of up to 2 s."""
    loop = get_event_loop()
    if loop is not None:
        # Only from another thread does this wake; and in a signal handler its lock may be held.
        threading.Thread(target=loop.call_soon, args=(_nothing,), daemon=True).start()


def _nothing() -> None:
    """Nothing is to be done but to wake."""
