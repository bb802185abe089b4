"""Stacks for fault tests: each test has servers and processes of its own, ended with it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.stack import Stack

MakeStack = Callable[..., Stack]


@pytest.fixture
def seed() -> int:
    """Random instants are drawn from it. AVNU_FAULT_SEED repeats a run, or tries another."""
    number = int(os.environ.get("AVNU_FAULT_SEED", "20260701"))
    print(f"AVNU_FAULT_SEED={number}")
    return number


@pytest.fixture
def make_stack(tmp_path: Path, seed: int) -> Iterator[MakeStack]:
    """Makes stacks: ``make_stack(settings={…}, extra=(…), kind=…)``."""
    made: list[Stack] = []

    def make(**options: object) -> Stack:
        made.append(Stack(tmp_path / str(len(made)), seed, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for stack in made:
        stack.close()


@pytest.fixture
def stack(make_stack: MakeStack) -> Stack:
    """One stack with the usual settings."""
    return make_stack()
