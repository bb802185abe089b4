"""Celery's connections to its broker are cut three times under load; the tick goes on."""

from tests.support.stack import Stack
from tests.support.waiting import wait_until


def test_broker_connections_cut_three_times(stack: Stack) -> None:
    worker = stack.worker().start()
    with stack.load():
        for n in range(3):
            assert _cut(stack) > 0
            stack.wait_tick(within_s=3)
            wait_until(lambda: worker.log.count("Connection to broker lost") > n, 10, "it noticed")  # noqa: B023
            wait_until(lambda: _connected(stack), 15, "the worker consumes again")
    stack.assert_whole()
    assert worker.running


def _brokers(stack: Stack) -> list[str]:
    with stack.server.client() as client:
        return [one["id"] for one in client.client_list() if one["name"] == "avnu-broker"]


def _cut(stack: Stack) -> int:
    with stack.server.client() as client:
        return sum(int(client.client_kill_filter(_id=one)) for one in _brokers(stack))


def _connected(stack: Stack) -> bool:
    with stack.server.client() as client:
        return any(
            one["cmd"] == "brpop" for one in client.client_list() if one["name"] == "avnu-broker"
        )
