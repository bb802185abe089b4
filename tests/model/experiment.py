"""What an experiment is: a configuration, perhaps another reading, and what is expected of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.model.explore import Result, explore
from tests.model.inbox import Inbox
from tests.model.options import Options
from tests.model.state import State

ONE: dict[str, Any] = {"processes": ((0,),)}  # one worker
PAIR: dict[str, Any] = {"processes": ((0, 1),)}  # one process with two threads


@dataclass(frozen=True)
class Experiment:
    """``shops``: a letter per webhook (``state.Plan``). ``finds``: how the expected finding begins.

    ``reading`` is what is changed against the scripts and promises as they are: without it the same
    configuration must hold.
    """

    meaning: str
    shops: tuple[str, ...]
    options: Mapping[str, Any]
    reading: Mapping[str, Any] = field(default_factory=dict)
    finds: str = ""
    livelocks: bool = False
    soak: bool = False
    slow_control: bool = False  # as built it takes seconds

    def model(self) -> Inbox:
        """Traces name workers, and actions that wait for their turn do: those keep them apart."""
        symmetric = {"symmetric": not self.finds and not self.livelocks}
        return Inbox(self.shops, Options(**{**symmetric, **self.options, **self.reading}))

    def run(self, within_s: float = 180) -> Result[State]:
        return explore(self.model(), within_s=within_s, livelocks=self.livelocks)

    def as_built(self) -> "Experiment":
        """The same configuration, read as it is built."""
        return replace(self, reading={}, finds="")


def breaks(
    finds: str, meaning: str, *shops: str, soak: bool = False, reading: Mapping[str, Any],
    slow_control: bool = False, livelocks: bool = False, **options: Any,
) -> Experiment:  # fmt: skip
    return Experiment(
        meaning, shops, options, reading, finds, livelocks, soak, soak or slow_control
    )


def holds(meaning: str, *shops: str, livelocks: bool = False, **options: Any) -> Experiment:
    return Experiment(meaning, shops, options, livelocks=livelocks)


def soak_holds(meaning: str, *shops: str, livelocks: bool = False, **options: Any) -> Experiment:
    return Experiment(meaning, shops, options, livelocks=livelocks, soak=True)


STRANDED = "liveness: stranded"


def read(**reading: Any) -> dict[str, Any]:
    return reading
