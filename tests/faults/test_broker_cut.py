"""Celery's connections to its broker are cut three times under load; the tick goes on."""

from tests.support.stack import Stack
from tests.support.waiting import wait_until


def test_broker_connections_cut_three_times(stack: Stack) -> None:
    worker = stack.worker().start()
    with stack.load(acts={"done": 85, "sleep": 12, "raise": 3}):
        for n in range(3):
            assert _cut(stack) > 0
            stack.wait_tick(within_s=6)
            wait_until(lambda: worker.log.count("Connection to broker lost") > n, 10, "it noticed")  # noqa: B023
            wait_until(lambda: _consumes(stack), 15, "the worker consumes again")
    stack.assert_whole()
    assert worker.running
    assert "mingle" not in worker.log, "each new connection waits a second for neighbours"


def test_a_run_that_outlives_its_broker_connection(stack: Stack) -> None:
    """It ends after the worker has connected again: acknowledged to nobody, settled once."""
    worker = stack.worker().start()
    long = [stack.make_waiting(2, shop) for shop in ("one", "two")]
    stack.accept(*long)
    refs = {stack.ref(webhook) for webhook in long}
    wait_until(lambda: refs <= stack.runs.begun_since(0), 10, "both have begun")
    assert _cut(stack) > 0
    wait_until(lambda: "Connection to broker lost" in worker.log, 10, "it noticed")
    wait_until(lambda: _consumes(stack), 15, "the worker consumes again")
    stack.open_gate()
    stack.assert_whole()
    stack.accept(*stack.maker.some(20))
    stack.assert_whole()
    assert worker.running
    assert [len(stack.runs.begun(ref)) for ref in refs] == [1, 1]


def _brokers(stack: Stack) -> list[str]:
    with stack.server.client() as client:
        return [one["id"] for one in client.client_list() if one["name"] == "avnu-broker"]


def _cut(stack: Stack) -> int:
    with stack.server.client() as client:
        return sum(int(client.client_kill_filter(_id=one)) for one in _brokers(stack))


def _consumes(stack: Stack) -> bool:
    with stack.server.client() as client:
        return any(
            one["cmd"] == "brpop" for one in client.client_list() if one["name"] == "avnu-broker"
        )
