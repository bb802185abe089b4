"""The Celery application of the plain peer: one task that decodes the body and returns.

The broker comes from CELERY_BROKER_URL, which Celery reads by itself.
"""

import json

from celery import Celery

app = Celery("plain_celery", task_ignore_result=True)


@app.task
def handle(shop: str, topic: str, webhook_id: str, body: str) -> None:
    """Decode the body, do nothing with it."""
    json.loads(body)
