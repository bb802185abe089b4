"""The thread that comes and goes, and state that a fork does not share."""

import os
import threading

from avnu.background import Background
from avnu.per_process import PerProcess
from tests.support.waiting import wait_until


def test_it_works_soon_and_ends_when_nothing_is_left() -> None:
    done = threading.Event()

    def work() -> bool:
        done.set()
        return False

    background = Background("x", work, 0.01)
    assert background._thread is None
    for _ in range(3):
        done.clear()
        background.soon()
        assert done.wait(5)
        wait_until(lambda: background._thread is None, 5, "the thread ends")


def test_what_is_asked_for_while_it_works_is_done_too() -> None:
    asked, done = 0, 0

    def work() -> bool:
        nonlocal done
        done = asked
        return False

    background = Background("x", work, 0.0005)
    for _ in range(300):
        asked += 1
        background.soon()
    wait_until(lambda: done == asked, 5, "nothing is forgotten")


def test_at_once_does_not_wait_for_the_interval() -> None:
    done = threading.Event()

    def work() -> bool:
        done.set()
        return False

    background = Background("x", work, 3600)
    background.at_once()
    assert done.wait(5)


def test_an_error_does_not_end_it() -> None:
    runs = threading.Semaphore(0)

    def work() -> bool:
        runs.release()
        raise ZeroDivisionError

    background = Background("x", work, 0.001)
    background.soon()
    assert all(runs.acquire(timeout=5) for _ in range(3))
    background.stop()


def test_stopped_it_stays_stopped() -> None:
    background = Background("x", lambda: True, 0.001)
    background.soon()
    background.stop()
    background.at_once()
    assert background._thread is None or not background._thread.is_alive()


def test_each_process_has_its_own() -> None:
    made = PerProcess(threading.Lock)
    mine = made.get()
    assert made.get() is mine
    with mine:
        pid = os.fork()
        if pid == 0:
            os._exit(0 if made.get().acquire(blocking=False) else 1)
        assert os.waitpid(pid, 0)[1] == 0


def test_threads_share_the_one_of_their_process() -> None:
    made = PerProcess(object)
    found: list[object] = []
    barrier = threading.Barrier(8)

    def look() -> None:
        barrier.wait()
        found.append(made.get())

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(one) for one in found}) == 1
