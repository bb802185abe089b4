"""Beat notes that it lives: each time that it has sent its canary."""

import logging
from typing import Any

from celery.signals import after_task_publish, beat_embedded_init, beat_init
from redis.exceptions import RedisError

from avnu.app import AvnuCelery
from avnu.health.hearing import note_beat
from avnu.jobs import CANARY
from avnu.keys import Keys
from avnu.logs import about

log = logging.getLogger(__name__)


def beat_notes(app: AvnuCelery) -> None:
    """Add it to an app that may run as beat."""

    def note(**_: Any) -> None:
        runtime = app.runtime
        try:
            note_beat(runtime.connections.inbox(), Keys(runtime.settings.avnu_namespace))
        except (RedisError, OSError) as fault:
            log.warning("not noted that beat lives", extra=about(error=type(fault).__name__))

    def begin(**_: Any) -> None:
        after_task_publish.connect(note, sender=CANARY, weak=False)

    beat_init.connect(begin, weak=False)
    beat_embedded_init.connect(begin, weak=False)
