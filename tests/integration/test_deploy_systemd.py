"""deploy/systemd/: systemd understands it, it is closed, and a stop waits as long as it must."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from avnu.app import create_app
from avnu.cli.run import PROGRAMS
from avnu.settings import Settings
from tests.support.require import require

SYSTEMD = Path(__file__).resolve().parents[2] / "deploy" / "systemd"
# Of 10: 0 is closed. What is left open is the network, and that is what Avnu is for.
MOST_EXPOSED = 15  # in tenths, as --threshold has it


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """A copy in which the programs are ones that are there: /opt/avnu is not."""
    folder = tmp_path / "system"
    shutil.copytree(SYSTEMD, folder)
    for path in folder.glob("*.service"):
        path.write_text(path.read_text().replace("/opt/avnu/bin/avnu", "/usr/bin/true"))
    template = folder / "avnu-receiver@.service"
    template.rename(folder / "avnu-receiver@8001.service")
    return folder


def analyze(*arguments: str | Path, folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [require("systemd-analyze"), *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)


def test_systemd_understands_every_line(units: Path) -> None:
    said = analyze("verify", *units.glob("avnu*.service"), units / "avnu.target", folder=units)
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


def test_what_systemd_does_not_understand_is_told(units: Path) -> None:
    """The test above can fail, also for the lines that all units share."""
    shared = units / "avnu-.service.d" / "all.conf"
    shared.write_text(shared.read_text() + "ProtectEverything=yes\n")
    said = analyze("verify", units / "avnu-beat.service", folder=units)
    assert "ProtectEverything" in said.stderr


@pytest.mark.parametrize("name", ["receiver@8001", "worker", "beat", "flower", "migrate"])
def test_every_service_is_closed(name: str, units: Path) -> None:
    unit = units / f"avnu-{name}.service"
    limits = ("--offline=yes", f"--threshold={MOST_EXPOSED}", "--no-pager")
    said = analyze("security", *limits, unit, folder=units)
    assert said.returncode == 0, said.stdout.splitlines()[-1]


def unit(name: str) -> configparser.SectionProxy:
    read = configparser.RawConfigParser(strict=False)
    read.read(SYSTEMD / f"avnu-{name}.service")
    return read["Service"]


def test_a_stop_waits_for_the_longest_task() -> None:
    app = create_app(Settings.load({}))
    assert int(unit("worker")["TimeoutStopSec"]) >= app.conf.task_time_limit + 10


def test_a_receiver_may_answer_what_is_under_way() -> None:
    command = PROGRAMS["receiver"](Settings.load({}))
    grace_s = int(command[command.index("--timeout-graceful-shutdown") + 1])
    inbox_s = Settings.load({}).webhook_inbox_seconds
    assert int(unit("receiver@")["TimeoutStopSec"]) >= grace_s + inbox_s + 5


def test_there_is_a_unit_for_each_program() -> None:
    started = {
        found.group(1)
        for path in SYSTEMD.glob("*.service")
        if (found := re.search(r"^ExecStart=.*/avnu run (\w+)$", path.read_text(), re.MULTILINE))
    }
    assert started == set(PROGRAMS)
