"""Redis hangs (SIGSTOP) for longer than every timeout and than a lease, then goes on."""

from tests.faults.outage import assert_refused_in_time
from tests.support.deliveries import Post
from tests.support.programs import until
from tests.support.stack import LEASE_S, Stack, now_s
from tests.support.waiting import wait_until


def test_redis_hung_past_a_lease(stack: Stack) -> None:
    receiver, worker = stack.receiver().launch(), stack.worker().launch()
    receiver.wait_ready()
    worker.wait_ready()
    post = Post(receiver.url)
    with stack.load(post):
        until(now_s() + stack.chance.uniform(0.5, 1.5))
        stack.server.freeze()
        until(now_s() + LEASE_S + 1.0)
        stack.server.thaw()
        back_s = now_s()
        wait_until(lambda: post.first_kept(back_s), 5, "the receiver keeps webhooks again")
    stack.assert_whole()
    assert_refused_in_time(post)
    assert worker.running
    assert not stack.crashed(), "an outage was taken for a crash"
