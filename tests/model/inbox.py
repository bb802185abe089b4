"""The inbox as an explorable model: the scripts as built, and everything that may befall them.

One function per script or per part of one (``accept``, ``turn``, ``solo``, ``tick``, ``by_hand``);
``steps`` and ``workers`` say what may happen between them; ``properties`` what must be true.
"""

from collections.abc import Iterator, Sequence

from tests.model.options import Options
from tests.model.properties import at_rest, fault_in
from tests.model.state import Draft, Plan, State, Violation
from tests.model.steps import steps_of_world
from tests.model.workers import steps_of_workers


class Inbox:
    """``shops``: one string per shop, a letter per webhook (see ``state.Plan``)."""

    def __init__(self, shops: Sequence[str], options: Options) -> None:
        self.plan = Plan(shops, options)

    def initial(self) -> State:
        return self.plan.initial()

    def steps(self, state: State) -> Iterator[tuple[str, str, State, str | None]]:
        """(label, kind, the state after, what this step violated)."""
        for source in (steps_of_world, steps_of_workers):
            for step in source(self.plan, state):
                draft = Draft(self.plan, state)
                if step.spends:
                    draft.spend(step.spends)
                fault = None
                try:
                    step.change(draft)
                except Violation as violation:
                    fault = str(violation)
                yield step.label, step.kind, draft.frozen(), fault

    def fault_in(self, state: State) -> str | None:
        return fault_in(self.plan, state)

    def at_rest(self, state: State) -> bool:
        return at_rest(self.plan, state)

    def show(self, state: State) -> str:
        """The state as indented lines, only what differs from its default."""
        lines = []
        for name in ("webhooks", "shops", "partitions", "workers"):
            for i, thing in enumerate(getattr(state, name)):
                fields = {**thing._asdict()}
                usual = thing._field_defaults
                told = [f"{k}={v}" for k, v in fields.items() if k == "at" or v != usual[k]]
                kind = f" ({self.plan.types[i]})" if name == "webhooks" else ""
                lines.append(f"    {name.removesuffix('s')} {i}{kind}: {' '.join(told)}")
        return "\n".join([*lines, f"    {state.world}"])
