"""The protocol of the inbox, every interleaving: as built, and as it must not be read."""

import pytest

from tests.model.breaks import BREAKS
from tests.model.experiment import Experiment
from tests.model.holds import HOLDS


def _all(experiments: dict[str, Experiment]) -> list[object]:
    return [
        pytest.param(one, id=name, marks=[pytest.mark.soak] if one.soak else [])
        for name, one in experiments.items()
    ]


def _controls() -> list[object]:
    """Each configuration of a breaking reading once."""
    found: dict[str, object] = {}
    for name, one in BREAKS.items():
        built = one.as_built()
        marks = [pytest.mark.soak] if one.slow_control else []
        found.setdefault(
            repr((built.shops, built.options)), pytest.param(built, id=name, marks=marks)
        )
    return list(found.values())


@pytest.mark.parametrize("experiment", _all(BREAKS))
@pytest.mark.timeout(400)
def test_another_reading_breaks(experiment: Experiment) -> None:
    finding = experiment.run().finding
    assert finding, "no property noticed this reading"
    assert finding.what.startswith(experiment.finds), _told(experiment, finding.trace)


@pytest.mark.parametrize("experiment", _controls())
@pytest.mark.timeout(400)
def test_the_same_holds_as_built(experiment: Experiment) -> None:
    """Whatever a reading breaks, it is the reading that breaks it."""
    _must_hold(experiment)


@pytest.mark.parametrize("experiment", _all(HOLDS))
@pytest.mark.timeout(400)
def test_holds(experiment: Experiment) -> None:
    _must_hold(experiment)


def _must_hold(experiment: Experiment) -> None:
    result = experiment.run(within_s=350)
    finding = result.finding
    assert finding is None, f"{finding.what}\n{_told(experiment, finding.trace)}"
    assert result.complete, f"{result.states} states in {result.seconds:.0f} s were not all"


def _told(experiment: Experiment, trace: object) -> str:
    steps = "\n".join(map(str, trace)) if isinstance(trace, list) else str(trace)
    return f"{experiment.meaning}\n{steps}"
