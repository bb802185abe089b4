"""What Flower does not start with."""

from typing import Any

import pytest
from celery.events.state import Task

from avnu.flower import in_short, open_by


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
