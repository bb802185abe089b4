"""Wake-ups, rendered once at start by Celery and kombu themselves, with their ids left open.

The scripts push them onto the queue database in the same step that makes work. So that the wire
format stays Celery's, the message is built by the app's own amqp, published through kombu's memory
transport with the same serialiser, and read back. ``tests/integration/test_wakeups.py`` decodes one
with kombu and runs it on a stock worker.
"""

import json
from collections.abc import Iterable
from typing import Any

from celery import Celery
from kombu import Connection

from avnu.lua import Wakeup

# The scripts put these in; quotes around the numbers go, so that they arrive as numbers.
_ID, _PART, _WAKE = "@ID@", "@PART@", "@WAKE@"


def render_wakeups(app: Celery, areas: Iterable[str], key_prefix: str) -> dict[str, Wakeup]:
    """Per area, the message ``tasks.<area>.drain(partition, wake number)`` on its queue."""
    return {area: Wakeup(f"{key_prefix}{area}", _render(app, area)) for area in areas}


def _render(app: Celery, area: str) -> str:
    message = app.amqp.as_task_v2(
        _ID, f"tasks.{area}.drain", args=(_PART, _WAKE), kwargs={}, root_id=_ID, origin="avnu",
        argsrepr=f"(partition={_PART}, wake={_WAKE})", kwargsrepr="{}", ignore_result=True,
    )  # fmt: skip
    envelope = _published(app, area, message)
    envelope["properties"]["delivery_tag"] = _ID
    text = json.dumps(envelope)
    for number in (_PART, _WAKE):
        text = text.replace(f'\\"{number}\\"', number)
    return text


def _published(app: Celery, queue: str, message: Any) -> dict[str, Any]:
    """The envelope that kombu would have pushed, as its memory transport holds it."""
    options = {"body_encoding": app.conf.broker_transport_options["body_encoding"]}
    with Connection("memory://", transport_options=options) as connection:
        channel: Any = connection.channel()
        with connection.Producer(channel, serializer=app.conf.task_serializer) as producer:
            app.amqp.send_task_message(
                producer,
                message.headers["task"],
                message,
                queue=queue,
                retry=False,
                delivery_mode=2,
            )
        envelope: dict[str, Any] = channel.queues[queue].get_nowait()
        return envelope
