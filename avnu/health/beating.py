"""Beat notes that it lives: each time that its canary was sent, or let go (``avnu/beat.py``)."""

import logging
from typing import Any

from celery.signals import after_task_publish, beat_embedded_init, beat_init
from redis.exceptions import RedisError

from avnu.app import AvnuCelery
from avnu.health.hearing import note_beat
from avnu.jobs import CANARY
from avnu.keys import Keys
from avnu.logs import about
from avnu.runtime import Runtime

log = logging.getLogger(__name__)


def note_alive(runtime: Runtime) -> None:
    """Note that this process, a beat, lives. A Redis that does not take it is logged."""
    try:
        note_beat(runtime.connections.inbox(), Keys(runtime.settings.avnu_namespace))
    except (RedisError, OSError) as fault:
        log.warning("not noted that beat lives", extra=about(error=type(fault).__name__))


def beat_notes(app: AvnuCelery) -> None:
    """Add it to an app that may run as beat: a canary that was sent is noted."""

    def note(**_: Any) -> None:
        note_alive(app.runtime)

    def begin(**_: Any) -> None:
        after_task_publish.connect(note, sender=CANARY, weak=False)

    beat_init.connect(begin, weak=False)
    beat_embedded_init.connect(begin, weak=False)
