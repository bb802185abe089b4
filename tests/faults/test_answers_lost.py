"""Answers of scripts are lost after their effect, on the worker's side and on the receiver's."""

from tests.support.cutter import Cutter
from tests.support.deliveries import Post
from tests.support.programs import until
from tests.support.stack import Stack, now_s

SECONDS = 5.0
WORKER = {"turn": 0.15, "solo_claim": 0.2, "solo_settle": 0.2, "renew": 0.5, "tick": 0.2}


def test_answers_to_the_worker_lost(stack: Stack) -> None:
    with Cutter(stack.server.port, stack.inbox.scripts, WORKER, stack.chance) as cutter:
        stack.worker(REDIS_PORT=str(cutter.port)).start()
        with stack.load(acts={"done": 80, "sleep": 5, "raise": 15}):
            until(now_s() + SECONDS)
        stack.assert_whole(within_s=45)
        print("lost:", cutter.cut)
        assert cutter.cut.keys() >= {"turn", "solo_claim", "solo_settle", "tick"}
    assert not stack.crashed(), "a lost answer was taken for a crash"


def test_answers_to_the_receiver_lost(stack: Stack) -> None:
    """503, sent again, and then a duplicate that is answered 200: kept once."""
    with Cutter(stack.server.port, stack.inbox.scripts, {"accept": 0.3}, stack.chance) as cutter:
        receiver = stack.receiver(REDIS_PORT=str(cutter.port)).start()
        stack.worker().start()
        post = Post(receiver.url)
        with stack.load(post):
            until(now_s() + SECONDS)
        stack.assert_whole()
        assert cutter.cut["accept"] > 5
    assert {posted.status for posted in post.log} == {200, 503}
    assert stack.counts()["duplicate"] >= cutter.cut["accept"] / 2
