"""Cycles without progress that a weakly fair scheduler permits.

A strongly connected component is such a cycle when no step is possible in all of its states
without being taken inside it: whoever is always ready to act would act some day.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

Edge = tuple[int, str]  # target, label


@dataclass(frozen=True)
class Cycle:
    """The states of a component, and the labels of its inner steps."""

    states: frozenset[int]
    labels: frozenset[str]


def fair_cycle(edges: Iterable[tuple[int, int, str]], restless: bytearray) -> Cycle | None:
    """The fair cycle nearest to the start among restless states (numbers grow with distance)."""
    inner: dict[int, list[Edge]] = defaultdict(list)
    enabled: dict[int, set[str]] = defaultdict(set)
    for source, target, label in edges:
        enabled[source].add(label)
        if restless[source] and restless[target]:
            inner[source].append((target, label))
    cycles = (_cycle(component, inner) for component in _components(inner))
    fair = [cycle for cycle in cycles if _is_fair(cycle, enabled)]
    return min(fair, key=lambda cycle: min(cycle.states), default=None)


def _cycle(component: frozenset[int], inner: Mapping[int, Sequence[Edge]]) -> Cycle:
    taken = {label for n in component for target, label in inner.get(n, ()) if target in component}
    return Cycle(component, frozenset(taken))


def _is_fair(cycle: Cycle, enabled: Mapping[int, set[str]]) -> bool:
    always = set.intersection(*(enabled.get(n, set()) for n in cycle.states))
    return always <= cycle.labels


def _components(inner: Mapping[int, Sequence[Edge]]) -> Iterator[frozenset[int]]:
    """Strongly connected components of two or more: Tarjan's algorithm, without recursion."""
    order: dict[int, int] = {}
    low: dict[int, int] = {}
    path: list[int] = []
    on_path: set[int] = set()
    for root in list(inner):
        if root in order:
            continue
        work = [(root, iter(inner[root]))]
        _enter(root, order, low, path, on_path)
        while work:
            node, targets = work[-1]
            target = _unseen(node, targets, order, low, on_path)
            if target is not None:
                _enter(target, order, low, path, on_path)
                work.append((target, iter(inner.get(target, ()))))
                continue
            work.pop()
            if work:
                above = work[-1][0]
                low[above] = min(low[above], low[node])
            if low[node] == order[node]:
                component = _leave(node, path, on_path)
                if len(component) > 1:
                    yield component


def _enter(
    node: int, order: dict[int, int], low: dict[int, int], path: list[int], on_path: set[int]
) -> None:
    order[node] = low[node] = len(order)
    path.append(node)
    on_path.add(node)


def _unseen(
    node: int,
    targets: Iterator[Edge],
    order: Mapping[int, int],
    low: dict[int, int],
    on_path: set[int],
) -> int | None:
    """The next target that was not seen; those on the path pull ``low`` down on the way."""
    for target, _ in targets:
        if target not in order:
            return target
        if target in on_path:
            low[node] = min(low[node], low[target])
    return None


def _leave(node: int, path: list[int], on_path: set[int]) -> frozenset[int]:
    component = set()
    while node not in component:
        last = path.pop()
        on_path.discard(last)
        component.add(last)
    return frozenset(component)
