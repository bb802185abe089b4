"""`celery -A tests.support.scripted worker`: Avnu's worker, with handlers that do what bodies say.

A body is a JSON object: ``do`` names one of ACTS, or several, one for each run in turn; the last
stays. Each run is noted in the file that AVNU_TEST_RUNS names, see `tests/support/runs.py`.
AVNU_TEST_TIME_LIMIT, in seconds, stands for the hard time limit of the settings.
"""

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from avnu.app import create_app
from avnu.errors import Park
from avnu.handlers import Area
from avnu.settings import load_settings
from avnu.shopify import queries
from avnu.shopify.topics import AREAS, TOPICS
from avnu.webhook import Handler, Shop, Webhook
from avnu.worker import equip
from tests.support.runs import RUNS, Moment, Runs

TIME_LIMIT = "AVNU_TEST_TIME_LIMIT"
Body = Mapping[str, Any]


def _raise(shop: Shop, webhook: Webhook, body: Body) -> None:
    raise RuntimeError(body.get("note", "as its body asked"))


def _kill(shop: Shop, webhook: Webhook, body: Body) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _hang(shop: Shop, webhook: Webhook, body: Body) -> None:
    time.sleep(3600)


def _sleep(shop: Shop, webhook: Webhook, body: Body) -> None:
    time.sleep(body["s"])


def _wait(shop: Shop, webhook: Webhook, body: Body) -> None:
    """Until a file is there: a test decides when this run ends."""
    while not Path(body["for"]).exists():
        time.sleep(0.01)


def _park(shop: Shop, webhook: Webhook, body: Body) -> None:
    raise Park("scripted", body.get("s"))


def _reject(shop: Shop, webhook: Webhook, body: Body) -> None:
    webhook.reject("as its body asked")


def _call(shop: Shop, webhook: Webhook, body: Body) -> None:
    """One call of the Admin API."""
    shop.admin.query(queries.SHOP)


def _leave(shop: Shop, webhook: Webhook, body: Body) -> None:
    """As the real handler follows an app/uninstalled."""
    from tasks.app import app_uninstalled  # late: its tasks have the names of those below

    app_uninstalled(shop, [webhook])


def _done(shop: Shop, webhook: Webhook, body: Body) -> None:
    pass


ACTS: Mapping[str, Callable[[Shop, Webhook, Body], None]] = {
    "call": _call,
    "leave": _leave,
    "done": _done,
    "raise": _raise,
    "kill": _kill,
    "hang": _hang,
    "sleep": _sleep,
    "wait": _wait,
    "park": _park,
    "reject": _reject,
}


def play(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """One run of each webhook, as its body says."""
    runs = Runs(Path(os.environ[RUNS]))
    for webhook in webhooks:
        body = msgspec.json.decode(webhook.body)
        act = body.get("do", "done")
        if isinstance(act, list):
            act = act[min(len(runs.of(webhook.shop, webhook.id)), len(act) - 1)]
        runs.note(Moment.BEGUN, webhook.shop, webhook.id)
        ACTS[act](shop, webhook, body)
        runs.note(Moment.ENDED, webhook.shop, webhook.id)


def _named(name: str) -> Handler:
    def handler(shop: Shop, webhooks: Sequence[Webhook]) -> None:
        play(shop, webhooks)

    handler.__name__ = name
    return handler


def _areas() -> list[Area]:
    areas = []
    for name in AREAS:
        area = Area(name)
        for handler in sorted({t.handler for t in TOPICS.values() if t.area == name}):
            area.handler(_named(handler))
        areas.append(area)
    return areas


app = create_app(load_settings())
app.conf.include = ()  # these handlers stand for those of tasks/
app.conf.task_time_limit = int(os.environ.get(TIME_LIMIT, app.conf.task_time_limit))
areas = _areas()
equip(app)
