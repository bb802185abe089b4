"""From a caller's ids to keys and back; one script run several times in one round trip."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import pytest
import redis
from redis.exceptions import NoScriptError

from avnu.cache import Loaded
from avnu.cache.kinds import PRODUCT
from avnu.cache.local import Held, Key
from avnu.cache.many import Many
from avnu.cache.values import Product
from avnu.keys import Keys
from avnu.lua import Scripts
from tests.support.cache import SHOP, product


def key(number: object) -> Key:
    return ("product", SHOP, str(number))


def held(number: int) -> Held:
    return Held(product(number), 1, (), 0.0, 0.0, 0)


def load_none(ids: Sequence[Any]) -> Mapping[Any, Loaded[Product]]:
    pytest.fail("nothing is to be loaded")


def test_ids_keep_their_type_and_their_order() -> None:
    asked: list[int] = []

    def load(ids: Sequence[int]) -> dict[int, Loaded[Product]]:
        asked.extend(ids)
        return {number: Loaded(product(number), 3) for number in reversed(ids)}

    many = Many(PRODUCT, SHOP, [7, 5, 6], load)
    assert many.least == {key(7): None, key(5): None, key(6): None}
    assert many.loads([key(6), key(7)]) == {
        key(6): Loaded(product(6), 3), key(7): Loaded(product(7), 3),
    }  # fmt: skip
    assert asked == [6, 7]
    answer = many.answer({key(number): held(number) for number in (5, 6, 7)})
    assert list(answer.items()) == [(number, product(number)) for number in (7, 5, 6)]


def test_each_id_has_its_least_version_and_what_is_there_twice_the_greater() -> None:
    wanted: dict[object, int | None] = {5: 10, 6: None, "5": 12, "6": 3, 7: 0}
    many = Many(PRODUCT, SHOP, wanted, load_none)
    assert many.least == {key(5): 12, key(6): 3, key(7): None}
    answer = many.answer({key(number): held(number) for number in (5, 6, 7)})
    assert answer == {
        5: product(5), 6: product(6), "5": product(5), "6": product(6), 7: product(7),
    }  # fmt: skip


def test_ids_that_come_twice_are_one() -> None:
    many = Many(PRODUCT, SHOP, iter([5, 5, 6, 5]), load_none)
    assert list(many.least) == [key(5), key(6)]


def test_what_a_loader_leaves_out_does_not_exist_and_what_it_adds_is_not_taken() -> None:
    many = Many(PRODUCT, SHOP, [5, 6], lambda _: {5: Loaded(product()), 9: Loaded(product(9))})
    assert many.loads([key(5), key(6)]) == {key(5): Loaded(product()), key(6): Loaded(None)}


# ---- scripts


class Forgetful:
    """Stands for a server that answers a pipeline at a time; it may have lost its scripts."""

    def __init__(self, *answers: list[Any]) -> None:
        self.answers = list(answers)
        self.sent: list[list[tuple[Any, ...]]] = []
        self.queued: list[tuple[Any, ...]] = []

    def pipeline(self, *, transaction: bool) -> "Forgetful":
        assert not transaction
        self.queued = []
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def execute_command(self, *command: Any) -> None:
        self.queued.append(command)

    def execute(self, *, raise_on_error: bool) -> list[Any]:
        assert not raise_on_error
        self.sent.append(self.queued)
        return self.answers.pop(0)


def run_many(server: Forgetful, count: int) -> list[Any]:
    scripts = Scripts(Keys("t"), {}, names=("cache_fail",))
    # Any: it is no redis.Redis, but has what is used of one.
    client: Any = server
    return scripts.run_many(client, "cache_fail", [(f"entry-{i}", "me", 0) for i in range(count)])


def test_a_script_runs_many_times_in_one_round_trip_and_errors_stand_in_their_place() -> None:
    full = redis.exceptions.OutOfMemoryError("full")
    server = Forgetful([1, full, 0])
    assert run_many(server, 3) == [1, full, 0]
    assert [[command[3] for command in sent] for sent in server.sent] == [
        ["entry-0", "entry-1", "entry-2"]
    ]


def test_only_what_did_not_run_is_run_again_when_scripts_were_lost() -> None:
    lost = NoScriptError("no script")
    server = Forgetful([1, lost, 2, lost], ["sha", 3, 4])
    assert run_many(server, 4) == [1, 3, 2, 4]
    first, again = server.sent
    assert [command[0] for command in again] == ["SCRIPT LOAD", "EVALSHA", "EVALSHA"]
    assert again[1:] == [first[1], first[3]]
