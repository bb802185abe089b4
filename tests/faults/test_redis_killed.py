"""Redis is killed and restarted with its append-only file, again and again under load."""

import pytest

from tests.faults.outage import assert_refused_in_time
from tests.support.deliveries import Post
from tests.support.programs import until
from tests.support.stack import Stack, now_s
from tests.support.waiting import wait_until


@pytest.mark.parametrize("kills", [2, pytest.param(10, marks=pytest.mark.soak)])
def test_redis_killed_and_restarted(stack: Stack, kills: int) -> None:
    receiver, worker = stack.receiver().launch(), stack.worker().launch()
    receiver.wait_ready()
    worker.wait_ready()
    post = Post(receiver.url)
    # Runs in progress matter: a consumer may fail over what it has not acknowledged.
    with stack.load(post, acts={"done": 80, "sleep": 17, "raise": 3}):
        for _ in range(kills):
            until(now_s() + stack.chance.uniform(0.5, 1.5))
            stack.server.kill()
            until(now_s() + stack.chance.uniform(1.0, 2.5))
            stack.server.start()
            back_s = now_s()
            wait_until(lambda: post.first_kept(back_s), 5, "the receiver keeps webhooks again")  # noqa: B023
    stack.assert_whole()
    assert_refused_in_time(post)
    assert worker.running
