"""The server forgets its scripts, again and again under load: nobody notices."""

from tests.support.deliveries import Post
from tests.support.programs import until
from tests.support.stack import Stack, now_s

FLUSHES = 20


def test_scripts_flushed_under_load(stack: Stack) -> None:
    receiver = stack.receiver().start()
    stack.worker().start()
    post = Post(receiver.url)
    with stack.load(post), stack.server.client() as client:
        for _ in range(FLUSHES):
            until(now_s() + stack.chance.uniform(0.05, 0.2))
            client.script_flush()
    stack.assert_whole()
    assert {posted.status for posted in post.log} == {200}
    assert not stack.crashed()
