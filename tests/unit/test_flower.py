"""What Flower does not start with."""

from typing import Any

import pytest
from celery.events.state import Task

from avnu.app import create_app
from avnu.flower import in_short, open_by
from avnu.settings import Settings
from avnu.worker_consumer import without_secrets

HIDDEN = {
    name: f"hidden-{name.lower()}/@:%"
    for name in ("REDIS_PASSWORD", "REDIS_CACHE_PASSWORD", "SHOPIFY_API_SECRET")
} | {"FLOWER_BASIC_AUTH": "ops:hidden-login", "TOKEN_ENCRYPTION_KEYS": "hidden-key"}
SENTINELS = {
    "REDIS_SENTINELS": "one:26379,two:26379", "REDIS_SENTINEL_MASTER": "main",
    "REDIS_SENTINEL_PASSWORD": "hidden-sentinel",
}  # fmt: skip


@pytest.mark.parametrize("around", [{}, {"REDIS_TLS_ENABLED": "true"}, SENTINELS])
def test_a_worker_s_page_shows_its_settings_without_secrets(around: dict[str, str]) -> None:
    app: Any = create_app(Settings.load({**HIDDEN, **around}))
    with app.connection() as broker:
        statistics = without_secrets(broker.info())
        shown = f"{dict(app.conf.table(with_defaults=True))} {broker.as_uri()} {statistics}"
    assert "redbeat_lock_timeout" in shown
    assert "socket_keepalive" in str(statistics)
    assert "hidden-" not in shown


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "::1", "127.8.0.1"])
def test_on_loopback_nobody_is_asked(address: str) -> None:
    assert open_by(address, [], oauth=False, everybodys="") == ""


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "10.0.0.7", "example.com", ""])
def test_beyond_loopback_it_takes_a_login(address: str) -> None:
    assert "is not loopback" in open_by(address, [], oauth=False, everybodys="")
    assert open_by(address, ["ops:secret"], oauth=False, everybodys="") == ""
    assert open_by(address, [], oauth=True, everybodys="") == ""


@pytest.mark.parametrize("login", ["ops", "ops:", ":secret", ":"])
def test_a_login_has_a_user_and_a_password_and_is_not_told(login: str) -> None:
    fault = open_by("0.0.0.0", ["ops:good", login], oauth=False, everybodys="")
    assert "is not user:password" in fault
    assert "secret" not in fault


def test_its_api_is_not_opened_to_every_page_in_a_browser() -> None:
    fault = open_by("127.0.0.1", [], oauth=False, everybodys="true")
    assert "FLOWER_UNAUTHENTICATED_API" in fault
    assert open_by("127.0.0.1", [], oauth=False, everybodys="false") == ""


ANSWER = "'partition': 7, 'ended': 'EMPTY', 'turns': 1, 'shops': 2, 'done': 3, 'solo': 1"
FAILED = "attempt 2 of 3, orders/edited: KeyError at orders.py:7"


@pytest.mark.parametrize(
    ("state", "told", "shown"),
    [
        ("SUCCESS", f"{{'area': 'x', {ANSWER}}}", "shops 2, done 3, solo 1, turns 1, ended EMPTY"),
        ("SUCCESS", "{'area': 'app', 'par...", "{'area': 'app', 'par..."),
        ("FAILURE", f"HandlerFailed('{FAILED}')", FAILED),
        ("FAILURE", "WorkerLostError('it ended')", "WorkerLostError('it ended')"),
        ("STARTED", None, None),
    ],
)  # fmt: skip
def test_an_answer_is_shown_without_what_stands_beside_it(
    state: str, told: str | None, shown: str | None
) -> None:
    field = "exception" if state == "FAILURE" else "result"
    task: Any = Task("id")
    task.state = state
    setattr(task, field, told)
    assert in_short(task).result == shown
