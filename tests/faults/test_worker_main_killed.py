"""The worker's main process is killed under load; its children find out and end."""

import psutil

from tests.support.programs import until
from tests.support.stack import Stack, now_s
from tests.support.waiting import wait_until

KILLS = 2


def test_main_killed_at_random_instants(stack: Stack) -> None:
    with stack.load(acts={"done": 88, "sleep": 12}):
        for n in range(KILLS):
            worker = stack.worker(f"w{n}").start()
            until(now_s() + stack.chance.uniform(0.5, 1.5))
            children = worker.children()
            worker.kill_main()
            killed_s, held = now_s(), stack.held()
            wait_until(lambda: not _alive(children), 20, "the orphans have ended")  # noqa: B023
        stack.worker("last").start()
        stack.assert_again(held, killed_s)
    stack.assert_whole()


def _alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if _runs(pid)]


def _runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:  # it may end between any two looks
        return False
