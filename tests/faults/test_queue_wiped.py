"""DB 1 is wiped twice under load: the tick replaces every wake-up and every solo task."""

from tests.support.programs import START_S, until
from tests.support.stack import Stack, now_s


def test_queue_database_wiped_twice(stack: Stack) -> None:
    worker = stack.worker().start()
    with stack.load(per_s=300), stack.server.client(stack.settings.redis_queue_db) as queue:
        for _ in range(2):
            until(now_s() + stack.chance.uniform(0.5, 1.5))
            queue.flushdb()
    # The moment in which a wipe hurts most: everything waits and nothing runs.
    worker.stop()
    stack.accept(*stack.maker.some(200))
    for _ in range(2):
        with stack.server.client(stack.settings.redis_queue_db) as queue:
            queue.flushdb()
        stack.worker("again").launch()
        stack.wait_tick(within_s=START_S)
    stack.assert_whole()
