"""How threads of one process share what is being fetched, without any Redis."""

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from avnu.cache.asking import Ask, Loads, question
from avnu.cache.calling import End
from avnu.cache.counters import Counters
from avnu.cache.kinds import PRODUCT
from avnu.cache.loading import Loading
from avnu.cache.local import Held, Key, Local
from avnu.clock import SystemClock
from tests.support.cache import SHOP
from tests.support.waiting import wait_until


class Fetching:
    """Stands for what asks Redis: each value comes when ``comes`` returns."""

    def __init__(self, comes: Callable[[str], None]) -> None:
        self.comes = comes
        self.fetched: list[str] = []

    def fetch(self, asks: Sequence[Ask], _: Loads) -> Iterator[End]:
        for ask in asks:
            self.comes(ask.key[2])
            self.fetched.append(ask.key[2])
            yield ask, Held(ask.key[2], 1, (), 0.0, 0.0, 0)

    def directly(self, asks: Sequence[Ask], _: Loads) -> list[End]:
        assert not asks
        return []

    def passes(self, _: Exception) -> bool:
        return False


def made(fetching: Any) -> tuple[Loading, Counters]:
    counters = Counters()
    clock = SystemClock()
    return Loading(Local(1000, clock), fetching, counters, clock, wait_s=5), counters


def asks(*ids: str) -> list[Ask]:
    keys: list[Key] = [("product", SHOP, id_) for id_ in ids]
    return [Ask(PRODUCT, question(PRODUCT, key, None, None), None, 0) for key in keys]


def load_none(keys: Sequence[Key]) -> Any:
    raise AssertionError("nothing is to be loaded")


def test_each_value_is_handed_to_those_who_wait_for_it_before_the_next_has_come() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def comes(id_: str) -> None:
        if id_ == "6":
            begun.set()
            assert go_on.wait(5)
        if id_ == "5":
            wait_until(joined.is_set, 5, "another thread is waiting")

    joined = threading.Event()
    fetching = Fetching(comes)
    loading, counters = made(fetching)
    first = threading.Thread(target=loading.values, args=(asks("5", "6"), load_none))
    first.start()
    wait_until(lambda: len(loading._flights._flights) == 2, 5, "both are under way")
    found: list[dict[Key, Held]] = []
    second = threading.Thread(
        target=lambda: found.append(loading.values(asks("7", "5"), load_none))
    )
    second.start()
    wait_until(lambda: "7" in fetching.fetched, 5, "the second has fetched its own, and waits")
    joined.set()
    assert begun.wait(5)
    second.join(5)
    assert not second.is_alive(), "it is not held back by what the first is waiting for"
    go_on.set()
    first.join()
    assert {key[2]: held.value for key, held in found[0].items()} == {"5": "5", "7": "7"}
    assert fetching.fetched == ["7", "5", "6"]
    assert counters.all() == {("product", "joined"): 1}


def test_threads_with_the_same_in_another_order_do_not_wait_for_each_other() -> None:
    together = threading.Barrier(4)
    fetching = Fetching(lambda _: None)
    loading, counters = made(fetching)
    numbers = [str(number) for number in range(200)]
    counts: list[int] = []

    def ask(seed: int) -> None:
        mine = numbers.copy()
        random.Random(seed).shuffle(mine)
        together.wait(5)
        counts.append(len(loading.values(asks(*mine), load_none)))

    threads = [threading.Thread(target=ask, args=(seed,), daemon=True) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(4)
    assert counts == [200] * 4, "all came back before any had waited its longest"
    assert not loading._flights._flights
    joined = counters.all().get(("product", "joined"), 0)
    assert joined + len(fetching.fetched) == 800
