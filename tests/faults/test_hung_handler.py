"""A handler hangs: its lease ends with its deadline, its process with the hard time limit."""

import psutil
import pytest

from avnu.app import create_app
from tests.faults.conftest import MakeStack
from tests.support.stack import AGAIN_S
from tests.support.waiting import wait_until

HANDLER_S = 5
# avnu/app.py: the deadline, and time to settle before the process is ended.
LIMIT_S = HANDLER_S + 15
# Some seconds after the lease has ended and the webhook has run again elsewhere.
SOONER_S = HANDLER_S + 12


@pytest.mark.parametrize("limit_s", [SOONER_S, pytest.param(LIMIT_S, marks=pytest.mark.soak)])
def test_hung_handler_is_ended_and_its_webhook_runs_again(
    make_stack: MakeStack, limit_s: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = make_stack(settings={"INBOX_HANDLER_SECONDS": str(HANDLER_S)})
    assert create_app(stack.settings).conf.task_time_limit == LIMIT_S
    if limit_s != LIMIT_S:
        monkeypatch.setenv("AVNU_TEST_TIME_LIMIT", str(limit_s))
    webhook = stack.maker.make("hung", do=["hang", "done"])
    ref = stack.ref(webhook)
    worker = stack.worker().start()
    stack.accept(webhook)
    hung = wait_until(lambda: stack.runs.begun(ref), 10, "it hangs")[0]
    with stack.load(per_s=50):
        stack.assert_again({ref}, hung.at_s + 0.001, HANDLER_S + AGAIN_S)
        assert psutil.pid_exists(hung.pid), "its lease has ended, its process has not"
        wait_until(lambda: not psutil.pid_exists(hung.pid), LIMIT_S, "the hung process is ended")
    stack.assert_whole()
    assert f"Hard time limit ({limit_s}s) exceeded" in worker.log
    assert worker.running
