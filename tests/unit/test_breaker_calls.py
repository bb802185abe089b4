"""Calls, generators, the decorator and listeners, on a Redis that is not there."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from pybreaker import CircuitBreaker, CircuitBreakerError, CircuitBreakerListener

from avnu.breaker import Breaker, BreakerListener
from avnu.breaker.policy import BreakerPolicy
from avnu.errors import BreakerOpen
from avnu.keys import Keys


class Nowhere:
    """A client whose server is away."""

    def execute_command(self, *args: Any) -> None:  # noqa: ARG002
        raise redis.exceptions.TimeoutError


class Hearing(BreakerListener):
    def __init__(self) -> None:
        self.heard: list[str] = []

    def before_call(self, cb: CircuitBreaker, func: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002
        self.heard.append("before")

    def success(self, cb: CircuitBreaker) -> None:  # noqa: ARG002
        self.heard.append("success")

    def failure(self, cb: CircuitBreaker, exc: BaseException) -> None:  # noqa: ARG002
        self.heard.append(f"failure {type(exc).__name__}")

    def ignored(self, cb: Breaker, exc: BaseException) -> None:  # noqa: ARG002
        self.heard.append(f"ignored {type(exc).__name__}")

    def rejected(self, cb: Breaker, wait_s: float) -> None:  # noqa: ARG002
        self.heard.append("rejected")

    def state_change(self, cb: CircuitBreaker, old_state: Any, new_state: Any) -> None:
        assert cb.current_state == new_state.name
        self.heard.append(f"{old_state.name} to {new_state.name}")

    def turned(self, cb: Breaker, old_state: str, new_state: str) -> None:  # noqa: ARG002
        self.heard.append(f"turned {new_state}")


@pytest.fixture
def hearing() -> Hearing:
    return Hearing()


@pytest.fixture
def breaker(hearing: Hearing) -> Breaker:
    policy = BreakerPolicy(min_calls=2, min_shops=0)
    client: Any = Nowhere()
    return Breaker("x", client, Keys("x"), policy, background=False, listeners=[hearing])


def failing() -> None:
    raise TimeoutError


def wrong() -> None:
    raise ValueError("wrong")


def test_a_call_returns_what_the_function_returns(breaker: Breaker, hearing: Hearing) -> None:
    assert breaker.call(lambda a, b: a + b, 1, b=2) == 3
    assert hearing.heard == ["before", "success"]


def test_it_decorates(breaker: Breaker) -> None:
    @breaker
    def double(value: int) -> int:
        """Twice."""
        return 2 * value

    assert double(2) == 4
    assert double.__doc__ == "Twice."


def test_failures_open_it_and_the_error_comes_through(breaker: Breaker, hearing: Hearing) -> None:
    for _ in range(2):
        with pytest.raises(TimeoutError):
            breaker.call(failing)
    with pytest.raises(CircuitBreakerError) as caught:
        breaker.call(failing)
    assert isinstance(caught.value, BreakerOpen)
    assert 0 < caught.value.wait_s <= 5
    assert hearing.heard == [
        "before", "failure TimeoutError", "before", "closed to open", "turned open",
        "failure TimeoutError", "rejected",
    ]  # fmt: skip


def test_errors_that_do_not_count_are_told_apart(breaker: Breaker, hearing: Hearing) -> None:
    for _ in range(5):
        with pytest.raises(ValueError, match="wrong"):
            breaker.call(wrong)
    assert breaker.current_state == "closed"
    assert hearing.heard[:2] == ["before", "ignored ValueError"]


def test_a_generator_is_guarded_until_it_ends(breaker: Breaker) -> None:
    def two(error: type[Exception] | None) -> Iterator[int]:
        yield 1
        if error:
            raise error

    assert list(breaker.call(two, None)) == [1]
    with pytest.raises(TimeoutError):
        list(breaker.call(two, TimeoutError))
    assert breaker.current_state == "open"


def test_a_generator_that_is_left_is_no_failure(breaker: Breaker, hearing: Hearing) -> None:
    def endless() -> Iterator[int]:
        while True:
            yield 1

    for _ in range(5):
        running: Any = breaker.call(endless)
        next(running)
        running.close()
    assert breaker.current_state == "closed"
    assert hearing.heard[-1] == "ignored GeneratorExit"


def test_a_block_is_guarded(breaker: Breaker) -> None:
    for _ in range(2):
        with pytest.raises(TimeoutError), breaker.calling():
            raise TimeoutError
    with pytest.raises(BreakerOpen), breaker.calling():
        raise AssertionError("the block ran")


def test_pybreaker_s_own_listeners_and_state_objects_work(breaker: Breaker) -> None:
    breaker.add_listener(CircuitBreakerListener())
    assert breaker.call(int) == 0
    assert breaker.state.name == "closed"
    assert (breaker.fail_counter, breaker.success_counter) == (0, 0)


def test_exclusions_are_classes_or_predicates(hearing: Hearing) -> None:
    client: Any = Nowhere()
    policy = BreakerPolicy(min_calls=1, min_shops=0)
    breaker = Breaker(
        "x", client, Keys("x"), policy, background=False,
        exclude=[ConnectionError, lambda error: "mine" in str(error)],
    )  # fmt: skip
    for error in (ConnectionResetError(), TimeoutError("mine")):
        assert not breaker.is_system_error(error)
    assert breaker.is_system_error(TimeoutError())


def test_async_calls_are_refused(breaker: Breaker) -> None:
    with pytest.raises(NotImplementedError):
        breaker.call_async(int)
