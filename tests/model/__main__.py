"""``python -m tests.model [name…|breaks|holds|soak]``: run experiments and show their traces."""

import sys
from collections.abc import Sequence

from tests.model.experiment import Experiment
from tests.model.experiments import BREAKS, EXPERIMENTS, HOLDS


def main(arguments: Sequence[str]) -> int:
    """Run what is named; 1 when an experiment turned out otherwise than expected."""
    groups = {
        "breaks": [name for name in BREAKS if not BREAKS[name].soak],
        "holds": [name for name in HOLDS if not HOLDS[name].soak],
        "soak": [name for name in EXPERIMENTS if EXPERIMENTS[name].soak],
    }
    names = [name for given in arguments or ["breaks"] for name in groups.get(given, [given])]
    unexpected = [name for name in names if not show(name, EXPERIMENTS[name])]
    return int(bool(unexpected))


def show(name: str, experiment: Experiment) -> bool:
    """Print what came of it, with the shortest trace. Returns whether it was expected."""
    result = experiment.run()
    finding = result.finding
    expected = bool(finding and experiment.finds and finding.what.startswith(experiment.finds))
    expected = expected or (result.holds and not experiment.finds)
    verdict = finding.what if finding else "holds" if result.complete else "nothing found in time"
    print(f"{'as expected' if expected else 'UNEXPECTED'}: {name}: {experiment.meaning}")
    print(f"  {verdict}")
    print(f"  {result.states} states, {result.transitions} transitions, {result.seconds:.1f} s")
    if finding:
        for number, label in enumerate(finding.trace, 1):
            print(f"  {number:3} {label}")
        print(experiment.model().show(finding.state))
    return expected


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
