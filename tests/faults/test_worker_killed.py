"""The whole worker is killed at once, main process and children, under load: a reboot."""

from tests.support.programs import until
from tests.support.stack import Stack, now_s

KILLS = 2


def test_whole_worker_killed_at_random_instants(stack: Stack) -> None:
    with stack.load(acts={"done": 88, "sleep": 12}):
        for n in range(KILLS):
            worker = stack.worker(f"w{n}").start()
            until(now_s() + stack.chance.uniform(0.3, 1.5))
            worker.kill_all()
            killed_s, held = now_s(), stack.held()
        stack.worker("last").start()
        stack.assert_again(held, killed_s)
    stack.assert_whole()
