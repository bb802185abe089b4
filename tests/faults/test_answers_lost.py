"""Answers of scripts are lost after their effect, on the worker's side and on the receiver's."""

from tests.support.cutter import Cutter
from tests.support.deliveries import Post
from tests.support.stack import Stack
from tests.support.waiting import wait_until

# Of so many calls one answer is lost.
WORKER = {"turn": 8, "solo_claim": 4, "solo_settle": 4, "renew": 2, "tick": 3}


def test_answers_to_the_worker_lost(stack: Stack) -> None:
    with Cutter(stack.server.port, stack.inbox.scripts, WORKER) as cutter:
        stack.worker(REDIS_PORT=str(cutter.port)).start()
        # It runs until its lease was renewed often enough.
        stack.accept(stack.make_waiting(runs=1))
        with stack.load(per_s=60, acts={"done": 85, "sleep": 10, "raise": 5}):
            wait_until(lambda: all(cutter.cut[name] for name in WORKER), 30, "all were lost")
            assert not stack.crashed(), "a lost answer was taken for a crash"
            stack.open_gate()
        cutter.every.clear()
        stack.assert_whole()


def test_answers_to_the_receiver_lost(stack: Stack) -> None:
    """503, sent again, and then a duplicate that is answered 200: kept once."""
    with Cutter(stack.server.port, stack.inbox.scripts, {"accept": 4}) as cutter:
        receiver = stack.receiver(REDIS_PORT=str(cutter.port)).start()
        stack.worker().start()
        post = Post(receiver.url)
        with stack.load(post):
            wait_until(lambda: cutter.cut["accept"] >= 10, 20, "answers were lost")
        cutter.every.clear()
        stack.assert_whole()
    assert {posted.status for posted in post.log} == {200, 503}
    assert stack.counts()["duplicate"] >= 10
