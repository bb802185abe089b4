"""What running handlers may lead to: verdicts, parking, a dead process, a hanging one."""

from collections.abc import Iterator
from functools import partial
from itertools import groupby
from typing import NamedTuple

from tests.model.state import Draft, Plan
from tests.model.steps import PROTOCOL, Step


class Outcome(NamedTuple):
    """What running a batch led to. ``cut_short``: the slice ended before its last shop."""

    verdicts: str
    parks: tuple[int, ...] = ()
    cut_short: bool = False


def fatal_runs(plan: Plan, k: int, batch: tuple[int, ...]) -> Iterator[Step]:
    """What a run with a poison or a hanging webhook in it does instead of ending."""
    process, types = plan.process_of[k], {plan.types[w] for w in batch}
    if "x" in types:
        killed = partial(kill, process=process)
        yield Step(f"worker {k} runs {batch}: poison kills {process}", PROTOCOL, killed)
    elif "h" in types:
        yield Step(f"worker {k} runs {batch}: hangs", PROTOCOL, partial(_hang, k=k))


def time_limit(plan: Plan, k: int) -> Iterator[Step]:
    """The hard time limit ends a process; no thread can be ended."""
    process = plan.process_of[k]
    if len(process) == 1 and plan.options.renewal_ends:
        yield Step(f"time limit kills {process}", PROTOCOL, partial(kill, process=process))


def kill(d: Draft, process: tuple[int, ...]) -> None:
    for k in process:
        d.rest(k)


def _hang(d: Draft, k: int) -> None:
    d.worker(k, hung=True)


def outcomes(plan: Plan, batch: tuple[int, ...], *, may_park: bool) -> Iterator[Outcome]:
    """Whatever running a batch, shop after shop, may lead to without dying or hanging."""
    groups = [tuple(some) for _, some in groupby(batch, key=plan.shop_of.__getitem__)]
    for n in range(min(1, len(groups)), len(groups) + 1):
        done = groups[:n]
        if any(plan.types[w] in "xh" for group in done for w in group):
            return
        rest = "B" * sum(map(len, groups[n:]))
        for said in _ways(plan, done):
            yield Outcome("".join(said) + rest, (), bool(rest))
            for i, group in enumerate(done if may_park else ()):
                for kept in _cut_by_parking(plan, group, said[i]):
                    verdicts = "".join([*said[:i], kept, *said[i + 1 :]]) + rest
                    yield Outcome(verdicts, (plan.shop_of[group[0]],), bool(rest))


def _ways(plan: Plan, groups: list[tuple[int, ...]]) -> list[list[str]]:
    """Verdicts per shop: a batch that raised runs one by one, or goes alone for want of time."""
    way = plan.options.batch_raises
    ways = ("one_by_one", "solo") if way == "one_by_one" else (way,)
    said = [[_verdicts(plan, group, way) for group in groups] for way in ways]
    return said[:1] if said[0] == said[-1] else said


def _cut_by_parking(plan: Plan, group: tuple[int, ...], verdicts: str) -> Iterator[str]:
    """The handler parks its shop before any of them, after the first, …, after the last."""
    if set("FG") & set(verdicts):
        return
    for n in range(len(group) + 1):
        kept = verdicts[:n] + "B" * (len(group) - n)
        newest = _newest(plan, group)
        older = set(_superseded(plan, group)) if newest >= 0 and kept[newest] != "D" else set()
        yield "".join("B" if i in older else letter for i, letter in enumerate(kept))


def _superseded(plan: Plan, group: tuple[int, ...]) -> list[int]:
    """The places of those for which a newer version of their resource stands."""
    return [i for i, w in enumerate(group) if plan.types[w] in "uv" and i != _newest(plan, group)]


def _newest(plan: Plan, group: tuple[int, ...]) -> int:
    return max((i for i, w in enumerate(group) if plan.types[w] in "uv"), default=-1)


def _verdicts(plan: Plan, group: tuple[int, ...], way: str) -> str:
    """As ``run_batch`` gives them; one handler for all, which raises before it settles any."""
    options, older = plan.options, _superseded(plan, group)
    fresh = [i for i in range(len(group)) if i not in older]
    verdicts = [{"r": "X"}.get(plan.types[w], "D") for w in group]
    if any(plan.types[group[i]] in "fv" for i in fresh):
        alone = len(fresh) == 1 and options.one_raises == "failed"
        charged = alone or way == "charged"
        for i in fresh:
            if way != "one_by_one" or plan.types[group[i]] in "fv":
                own_run = way == "one_by_one" and len(fresh) > 1
                verdicts[i] = "F" if charged or own_run else "G"
    done = bool(older) and verdicts[_newest(plan, group)] == "D"
    for i in older:
        verdicts[i] = "U" if done or options.superseded == "always" else "B"
    return "".join(verdicts)
