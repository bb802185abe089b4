"""Redis becomes a replica of nobody, which refuses every write, and then a primary again."""

from tests.faults.outage import assert_refused_in_time
from tests.support.deliveries import Post
from tests.support.programs import until
from tests.support.stack import Stack, now_s
from tests.support.waiting import wait_until


def test_redis_read_only(stack: Stack) -> None:
    receiver, worker = stack.receiver().launch(), stack.worker().launch()
    receiver.wait_ready()
    worker.wait_ready()
    post = Post(receiver.url)
    with stack.load(post), stack.server.client() as client:
        until(now_s() + stack.chance.uniform(0.5, 1.5))
        client.replicaof("127.0.0.1", "1")  # nobody listens there
        until(now_s() + 3.0)
        client.replicaof("NO", "ONE")
        back_s = now_s()
        wait_until(lambda: post.first_kept(back_s), 5, "the receiver keeps webhooks again")
    stack.assert_whole()
    assert_refused_in_time(post)
    assert worker.running
