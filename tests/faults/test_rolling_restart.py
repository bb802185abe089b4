"""Two receivers behind nginx and two workers, each ended in turn under load: nobody notices."""

import re
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from avnu.cli import programs
from avnu.settings import Settings
from tests.support.nginx import Nginx
from tests.support.programs import Program, Receiver
from tests.support.runs import Moment
from tests.support.stack import Stack
from tests.support.steady import Steady

_PASSED_ON = re.compile(r" upstream_status=\d+, ")
#: No act that fails: then each webhook runs once, whatever is restarted.
ACTS = {"done": 95, "sleep": 5}


class Production(Receiver):
    """Started as `avnu run receiver` starts it."""

    def command(self) -> Sequence[str]:
        settings = Settings.load({"AVNU_PORT": str(self.port)})
        return programs.receiver(settings)[2:]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("per_s", "rounds"),
    [(150, 0), pytest.param(500, 3, marks=pytest.mark.soak)],
    ids=["one receiver", "everything three times"],
)
def test_rolling_restart(stack: Stack, tmp_path: Path, per_s: int, rounds: int) -> None:
    receivers = [stack.receiver(Production) for _ in range(2)]
    # The quick one leaves the worker alone, which test_graceful_stop.py ends.
    workers = [stack.worker(name) for name in (("one", "two") if rounds else ("one",))]
    hosts: list[list[Program]] = [[receivers[0]]]
    if rounds:
        hosts = [[receivers[0], workers[0]], [receivers[1], workers[1]]] * rounds
    for program in (*receivers, *workers):
        program.launch()
    for program in (*receivers, *workers):
        program.wait_ready()
    ports = [receiver.port for receiver in receivers]
    restarts = 0
    with Nginx(tmp_path / "nginx", ports) as door:
        with Steady(stack.maker, door.url, stack.acknowledge, per_s=per_s, acts=ACTS) as load:
            for host in hosts:
                for program in host:
                    # uvicorn ends in order, and then by the signal that it was sent.
                    assert program.stop() in {0, -signal.SIGTERM}, program.log[-2000:]
                    program.launch()
                    restarts += 1
                for program in host:
                    program.wait_ready()
        stack.assert_whole(within_s=60)
        passed_on = len(_PASSED_ON.findall(door.log))  # two receivers were asked for one delivery
    begun = [run.ref for run in stack.runs if run.moment is Moment.BEGUN]
    failed, duplicates = len(load.refused), stack.counts()["duplicate"]
    slowest_s = max(one.posted.took_s for one in load.log)
    print(
        f"{restarts} restarts at {load.rate():.0f} webhooks/s: {len(load.log)} deliveries, "
        f"{failed} failed, {duplicates} redelivered, {len(begun) - len(set(begun))} run twice, "
        f"{passed_on} passed on to the other receiver, the slowest took {slowest_s:.2f} s"
    )
    assert failed == 0
    assert duplicates == 0
    assert sorted(begun) == sorted(stack.acknowledged), "each ran once, none was cut short"
