"""The server forgets its scripts, again and again under load: nobody notices."""

import pytest

from tests.support.deliveries import Post
from tests.support.programs import until
from tests.support.stack import Stack, now_s

# A server that is busy elsewhere is waited for: 503 would be right, and is not what this is about.
PATIENT = {"WEBHOOK_INBOX_SECONDS": "4", "REDIS_SOCKET_TIMEOUT_MS": "4000"}


@pytest.mark.parametrize("flushes", [10, pytest.param(100, marks=pytest.mark.soak)])
def test_scripts_flushed_under_load(stack: Stack, flushes: int) -> None:
    receiver, worker = stack.receiver(**PATIENT).launch(), stack.worker().launch()
    receiver.wait_ready()
    worker.wait_ready()
    post = Post(receiver.url)
    with stack.load(post), stack.server.client() as client:
        for _ in range(flushes):
            until(now_s() + stack.chance.uniform(0.05, 0.2))
            client.script_flush()
    stack.assert_whole()
    assert {posted.status for posted in post.log} == {200}
    assert not stack.crashed()
