"""What a worker may do next: take messages, run handlers, ask the scripts, die, stand still."""

from collections.abc import Iterator
from functools import partial

from tests.model import solo, turn
from tests.model.handlers import fatal_runs, kill, outcomes, time_limit
from tests.model.state import (
    ALONE,
    ASKING,
    CLEARING,
    DRAINING,
    OFF,
    TASKED,
    WOKEN,
    Draft,
    Plan,
    State,
    Worker,
    holds,
)
from tests.model.steps import FAULT, OUTSIDE, PROTOCOL, Step, partition_counts


def steps_of_workers(plan: Plan, state: State) -> Iterator[Step]:
    """Every step of every worker; of workers in the same state, one stands for all."""
    seen_processes = set()
    for process in plan.options.processes:
        signature = tuple(state.workers[k] for k in process)
        if plan.options.symmetric and signature in seen_processes:
            continue
        seen_processes.add(signature)
        yield from _deaths(state, process)
        seen = set()
        for k in process:
            if plan.options.symmetric and state.workers[k] in seen:
                continue
            seen.add(state.workers[k])
            yield from _steps_of(plan, state, k)


def _steps_of(plan: Plan, state: State, k: int) -> Iterator[Step]:
    worker = state.workers[k]
    if worker.does == OFF:
        yield from _pops(plan, state, k)
    elif worker.frozen:
        everyone = all(other.frozen for other in state.workers)
        yield Step(f"worker {k} goes on", PROTOCOL if everyone else OUTSIDE, partial(_thaw, k=k))
    else:
        if state.budget.freeze:
            yield Step(f"FREEZE worker {k}", FAULT, partial(_freeze, k=k), "freeze")
        yield from _ACTS[worker.does](plan, state, k)


def _thaw(d: Draft, k: int) -> None:
    d.worker(k, frozen=False)


def _freeze(d: Draft, k: int) -> None:
    d.worker(k, frozen=True)


# --- Death


def _deaths(state: State, process: tuple[int, ...]) -> Iterator[Step]:
    if not state.budget.crash or all(state.workers[k].does == OFF for k in process):
        return
    yield Step(f"CRASH of process {process}", FAULT, partial(kill, process=process), "crash")
    if state.budget.duplicated:
        change = partial(_kill_and_return, process=process)
        yield Step(f"CRASH of process {process}, its messages return", FAULT, change, "crash")


def _kill_and_return(d: Draft, process: tuple[int, ...]) -> None:
    """Messages are acknowledged late: what a lost worker had in hand comes back."""
    d.spend("duplicated")
    for k in process:
        worker = d.workers[k]
        if worker.does in (TASKED, ALONE):
            d.webhook(worker.target, messages=d.webhooks[worker.target].messages + 1)
        elif worker.does != OFF:
            _return_wakeup(d, worker)
    kill(d, process)


def _return_wakeup(d: Draft, worker: Worker) -> None:
    here = d.partitions[worker.target]
    newest = worker.newest or bool(here.lease and here.lease.newest and holds(d, worker))
    d.partition(worker.target, newest=here.newest + newest, older=here.older + (not newest))


# --- Messages


def _pops(plan: Plan, state: State, k: int) -> Iterator[Step]:
    for p, part in enumerate(state.partitions):
        if part.older:
            change = partial(_pop_wakeup, k=k, p=p, newest=False)
            yield Step(f"worker {k} takes wake-up p{p} (older)", PROTOCOL, change)
        if part.newest and not (plan.options.fifo and part.older):
            change = partial(_pop_wakeup, k=k, p=p, newest=True)
            yield Step(f"worker {k} takes wake-up p{p}", PROTOCOL, change)
    for w, webhook in enumerate(state.webhooks):
        if webhook.messages:
            yield Step(f"worker {k} takes task w{w}", PROTOCOL, partial(_pop_task, k=k, w=w))


def _pop_wakeup(d: Draft, k: int, p: int, *, newest: bool) -> None:
    here = d.partitions[p]
    d.partition(p, newest=here.newest - newest, older=here.older - (not newest))
    d.workers[k] = Worker(WOKEN, p, newest=newest)


def _pop_task(d: Draft, k: int, w: int) -> None:
    d.webhook(w, messages=d.webhooks[w].messages - 1)
    d.workers[k] = Worker(TASKED, w)


# --- Drains


def _woken(plan: Plan, state: State, k: int) -> Iterator[Step]:
    worker = state.workers[k]
    again = " again" if worker.owner else "" if worker.newest else " with an older number"
    label = f"worker {k} begins p{worker.target}{again}"
    yield Step(label, PROTOCOL, partial(turn.begin, k=k))
    if state.budget.reply:
        yield Step(label + ", ANSWER LOST", FAULT, partial(_begin_unheard, k=k), "reply")


def _begin_unheard(d: Draft, k: int) -> None:
    """A batch is asked for again; any other answer changes nothing by being asked for twice."""
    turn.begin(d, k)
    taken = d.workers[k]
    if taken.does == DRAINING and d.options.lost_reply == "asked_again":
        d.workers[k] = Worker(WOKEN, taken.target, taken.owner, taken.turn)
    else:
        d.rest(k)


def _draining(plan: Plan, state: State, k: int) -> Iterator[Step]:
    worker = state.workers[k]
    if worker.outside:
        if not turn.gate_closed(Draft(plan, state), k):
            yield Step(f"worker {k} passes the gate", PROTOCOL, partial(_pass_gate, k=k))
    elif plan.options.older_number == "refused_at_turns" and _outnumbered(plan, state, worker):
        yield Step(f"worker {k} refused: older number", PROTOCOL, partial(Draft.rest, k=k))
    elif worker.hung:
        yield from time_limit(plan, k)
    else:
        yield from fatal_runs(plan, k, worker.batch)
        yield from _turns(plan, state, k)


def _outnumbered(plan: Plan, state: State, worker: Worker) -> bool:
    lease = state.partitions[worker.target].lease
    return lease is not None and not lease.newest and holds(state, worker)


def _pass_gate(d: Draft, k: int) -> None:
    d.worker(k, outside=False)


def _turns(plan: Plan, state: State, k: int) -> Iterator[Step]:
    worker = state.workers[k]
    for outcome in outcomes(plan, worker.batch, may_park=state.budget.park > 0):
        verdicts, parks = outcome.verdicts, outcome.parks
        said = " ".join(f"w{w}={v}" for w, v in zip(worker.batch, verdicts, strict=True))
        parking = "".join(f", shop {s} parks" for s in parks)
        label = f"worker {k} turns p{worker.target} {said}{parking}"
        spends = "park" if parks else ""
        for last in (True,) if outcome.cut_short else (False, True):
            change = partial(turn.finish, k=k, verdicts=verdicts, parks=parks, last=last)
            yield Step(label + (", slice ends" if last else ""), PROTOCOL, change, spends)
        if state.budget.reply and not parks and not outcome.cut_short:
            change = partial(_turn_unheard, k=k, verdicts=verdicts)
            yield Step(label + ", ANSWER LOST", FAULT, change, "reply")


def _turn_unheard(d: Draft, k: int, verdicts: str) -> None:
    before = d.workers[k]
    turn.finish(d, k, verdicts, parks=(), last=False)
    turn.lose_answer_of_turn(d, k, before, verdicts)


def _asking(plan: Plan, state: State, k: int) -> Iterator[Step]:
    label = f"worker {k} asks again p{state.workers[k].target}"
    yield Step(label, PROTOCOL, partial(turn.ask_again, k=k))


def _clearing(plan: Plan, state: State, k: int) -> Iterator[Step]:
    p = state.workers[k].target
    yield Step(f"worker {k} clears the mark p{p}", PROTOCOL, partial(_clear_mark, k=k))


def _clear_mark(d: Draft, k: int) -> None:
    d.partition(d.workers[k].target, mark=False)
    d.rest(k)


# --- Solo tasks


def _tasked(plan: Plan, state: State, k: int) -> Iterator[Step]:
    w = state.workers[k].target
    view = Draft(plan, state)
    if plan.options.gate == "before_claim" and (
        turn.gate_closed(view, k) or (state.webhooks[w].suspect and solo.busy_mates(view, k))
    ):
        return
    label = f"worker {k} claims w{w}"
    yield Step(label, PROTOCOL, partial(solo.claim, k=k))
    if state.budget.reply:
        yield Step(label + ", ANSWER LOST", FAULT, partial(_claim_unheard, k=k), "reply")


def _claim_unheard(d: Draft, k: int) -> None:
    solo.claim(d, k)
    claimed = d.workers[k]
    if claimed.does == ALONE and d.options.lost_reply == "asked_again":
        d.workers[k] = Worker(TASKED, claimed.target, claimed.owner)
    else:
        d.rest(k)


def _alone(plan: Plan, state: State, k: int) -> Iterator[Step]:
    worker = state.workers[k]
    w = worker.target
    if worker.outside:
        view = Draft(plan, state)
        if not turn.gate_closed(view, k) and not (
            state.webhooks[w].suspect and solo.busy_mates(view, k)
        ):
            yield Step(f"worker {k} passes the gate", PROTOCOL, partial(_pass_gate, k=k))
        return
    if worker.hung:
        yield from time_limit(plan, k)
        return
    fatal = list(fatal_runs(plan, k, (w,)))
    if fatal:
        yield from fatal
        return
    letter = {"o": "D", "u": "D", "r": "X", "f": "F", "v": "F"}[plan.types[w]]
    if letter == "F" and plan.options.one_raises == "unspent":
        letter = "G"
    change = partial(solo.settle, k=k, letter=letter, park=False)
    yield Step(f"worker {k} settles solo w{w}={letter}", PROTOCOL, change)
    if state.budget.park:
        for n in partition_counts(plan, state):
            change = partial(solo.settle, k=k, letter="B", park=True, partitions=n)
            yield Step(f"worker {k} settles solo w{w}, parks", PROTOCOL, change, "park")


_ACTS = {
    WOKEN: _woken,
    DRAINING: _draining,
    ASKING: _asking,
    CLEARING: _clearing,
    TASKED: _tasked,
    ALONE: _alone,
}
