"""Explicit-state exploration: breadth first, shortest traces; safety on the way, liveness after.

Liveness: from every reachable state a state at rest can be reached over fault-free steps alone. In
a finite graph that is liveness under strong fairness: faults stop, ticks go on, nothing arrives.
"""

import gc
import time
from array import array
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from tests.model.livelock import fair_cycle
from tests.model.steps import PROTOCOL, REPLACEMENT

S = TypeVar("S", bound=Hashable)

FAULT_FREE = (PROTOCOL, REPLACEMENT)
_LOOK_AT_CLOCK_EVERY = 1024


class Model(Protocol[S]):
    """What can be explored: states are compared by value."""

    def initial(self) -> S: ...

    def steps(self, state: S) -> Iterator[tuple[str, str, S, str | None]]:
        """(label, kind, the state after, what the step itself violated)."""

    def fault_in(self, state: S) -> str | None: ...

    def at_rest(self, state: S) -> bool: ...


@dataclass(frozen=True)
class Finding(Generic[S]):
    """A property that does not hold, and the shortest way there."""

    what: str
    trace: Sequence[str]
    state: S


@dataclass(frozen=True)
class Result(Generic[S]):
    """``complete``: the whole graph was seen. Times in seconds."""

    finding: Finding[S] | None
    states: int
    transitions: int
    seconds: float
    complete: bool

    @property
    def holds(self) -> bool:
        return self.finding is None and self.complete


class Graph(Generic[S]):
    """The states seen so far, each with the step that first led to it, and the fault-free edges."""

    def __init__(self, initial: S) -> None:
        self.states = [initial]
        self.index = {initial: 0}
        self.parents = array("i", [-1])
        self.labels = [""]
        self.sources = array("i")
        self.targets = array("i")
        self.edge_labels: list[str] = []
        self.expanded = 0
        self.transitions = 0
        self._words: dict[str, str] = {}

    def add(self, source: int, label: str, state: S) -> tuple[int, bool]:
        """The number of a state, and whether it is new."""
        self.transitions += 1
        known = self.index.get(state)
        if known is not None:
            return known, False
        number = self.index[state] = len(self.states)
        self.states.append(state)
        self.parents.append(source)
        self.labels.append(self.word(label))
        return number, True

    def word(self, label: str) -> str:
        """One object per label: there are millions of edges and dozens of labels."""
        return self._words.setdefault(label, label)

    def trace(self, number: int) -> list[str]:
        """The labels of the shortest way to a state."""
        labels = []
        while number > 0:
            labels.append(self.labels[number])
            number = self.parents[number]
        return labels[::-1]


def explore(
    model: Model[S],
    *,
    within_s: float = 180,
    most_states: int = 4_000_000,
    livelocks: bool = False,
) -> Result[S]:
    """Explore until something is violated, everything is seen, or a limit is reached."""
    started = time.monotonic()
    graph = Graph(model.initial())
    with _collector_paused():
        finding = _search(model, graph, started + within_s, most_states, keep_labels=livelocks)
        if finding is None:
            finding = _stranded(model, graph)
        if finding is None and livelocks:
            finding = _livelock(model, graph)
    complete = graph.expanded == len(graph.states)
    seconds = time.monotonic() - started
    return Result(finding, len(graph.states), graph.transitions, seconds, complete)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Millions of tuples without one cycle: looking for some takes most of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _search(
    model: Model[S], graph: Graph[S], ends: float, most_states: int, *, keep_labels: bool
) -> Finding[S] | None:
    fault = model.fault_in(graph.states[0])
    if fault:
        return Finding(fault, [], graph.states[0])
    while graph.expanded < len(graph.states) <= most_states:
        if graph.expanded % _LOOK_AT_CLOCK_EVERY == 0 and time.monotonic() > ends:
            return None
        source = graph.expanded
        for label, kind, state, violated in model.steps(graph.states[source]):
            number, is_new = graph.add(source, label, state)
            fault = violated or (model.fault_in(state) if is_new else None)
            if fault:
                return Finding(fault, [*graph.trace(source), label], state)
            if kind in FAULT_FREE and number != source:
                graph.sources.append(source)
                graph.targets.append(number)
                if keep_labels:
                    graph.edge_labels.append(graph.word(label))
        graph.expanded += 1
    return None


def _stranded(model: Model[S], graph: Graph[S]) -> Finding[S] | None:
    """A state from which no fault-free way leads to rest; one that stands still, if there is."""
    saved = _states_that_can_rest(model, graph)
    first = saved.find(0)
    if first < 0:
        return None
    moves = bytearray(len(graph.states))
    for source in graph.sources:
        moves[source] = 1
    still = (n for n in range(first, graph.expanded) if not saved[n] and not moves[n])
    shown = next(still, first)
    return Finding("liveness: stranded", graph.trace(shown), graph.states[shown])


def _states_that_can_rest(model: Model[S], graph: Graph[S]) -> bytearray:
    """Walk back from the states at rest. What was not expanded counts as saved: nobody knows."""
    n = len(graph.states)
    starts, sources = _reversed(graph)
    saved = bytearray(n)
    stack = []
    for number in range(n):
        if number >= graph.expanded or model.at_rest(graph.states[number]):
            saved[number] = 1
            stack.append(number)
    while stack:
        target = stack.pop()
        for edge in range(starts[target], starts[target + 1]):
            source = sources[edge]
            if not saved[source]:
                saved[source] = 1
                stack.append(source)
    return saved


def _reversed(graph: Graph[S]) -> tuple["array[int]", "array[int]"]:
    """The fault-free edges by target: those into t are sources[starts[t]:starts[t + 1]]."""
    n = len(graph.states)
    starts = array("i", bytes(4 * (n + 1)))
    for target in graph.targets:
        starts[target + 1] += 1
    for number in range(n):
        starts[number + 1] += starts[number]
    free = array("i", starts)
    sources = array("i", bytes(4 * len(graph.targets)))
    for source, target in zip(graph.sources, graph.targets, strict=True):
        sources[free[target]] = source
        free[target] += 1
    return starts, sources


def _livelock(model: Model[S], graph: Graph[S]) -> Finding[S] | None:
    """A cycle away from rest in which a weakly fair scheduler may stay for ever."""
    restless = bytearray(not model.at_rest(state) for state in graph.states)
    edges = zip(graph.sources, graph.targets, graph.edge_labels, strict=True)
    cycle = fair_cycle(edges, restless)
    if cycle is None:
        return None
    what = f"livelock: {len(cycle.states)} states, {', '.join(sorted(cycle.labels))}"
    first = min(cycle.states)
    return Finding(what, graph.trace(first), graph.states[first])
