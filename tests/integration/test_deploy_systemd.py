"""deploy/systemd/: systemd makes of it what it says, and what it starts is closed."""

import configparser
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from ruamel.yaml import YAML

from avnu.app import create_app
from avnu.cli.run import PROGRAMS
from avnu.embedded import free_port
from avnu.sandbox.request import sign
from avnu.settings import ROWS, Settings
from tests.support.redis_conf import change, place
from tests.support.require import require
from tests.support.waiting import wait_until

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
SYSTEMD = DEPLOY / "systemd"
TARGET = (SYSTEMD / "avnu.target").read_text(encoding="utf-8")
DAEMONS = ("receiver@8001", "worker", "beat", "flower")
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


def analyze(
    *arguments: str | Path, folder: Path, **environ: str
) -> "subprocess.CompletedProcess[str]":
    command = [require("systemd-analyze"), *map(str, arguments)]
    env = {**os.environ, **environ}
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder, env=env)


def effective(path: Path) -> Mapping[str, list[str]]:
    """What systemd makes of a unit and its drop-ins: all values of each name, in their order."""
    said = analyze("verify", path, folder=path.parent, SYSTEMD_LOG_LEVEL="debug")
    assert said.returncode == 0, said.stderr
    found = defaultdict[str, list[str]](list)
    for name, value in re.findall(r"^\t\t+([A-Z][\w ]*): (.*)$", said.stdout, re.MULTILINE):
        found[name].append(value)
    return found


def test_systemd_understands_every_line(units: Path) -> None:
    said = analyze("verify", *units.glob("avnu*.service"), units / "avnu.target", folder=units)
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


def test_what_systemd_does_not_understand_is_told(units: Path) -> None:
    """The test above can fail, also for the lines that all units share."""
    shared = units / "avnu-.service.d" / "all.conf"
    shared.write_text(shared.read_text() + "ProtectEverything=yes\n")
    said = analyze("verify", units / "avnu-beat.service", folder=units)
    assert "ProtectEverything" in said.stderr


@pytest.mark.parametrize("name", [*DAEMONS, "migrate"])
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


@pytest.mark.parametrize("name", DAEMONS)
def test_a_daemon_is_started_again(name: str, units: Path) -> None:
    found = effective(units / f"avnu-{name}.service")
    assert (found["Type"], found["Restart"], found["RestartSec"]) == (
        ["exec"],
        ["on-failure"],
        ["2s"],
    )


def test_a_migration_has_ended_when_systemctl_start_has_and_is_not_repeated(units: Path) -> None:
    found = effective(units / "avnu-migrate.service")
    assert (found["Type"], found["Restart"], found["TimeoutStartSec"]) == (
        ["oneshot"],
        ["no"],
        ["30min"],
    )


@pytest.mark.parametrize("name", [*DAEMONS, "migrate"])
def test_a_roles_own_settings_are_read_last(name: str, units: Path) -> None:
    role = name.partition("@")[0]
    read = effective(units / f"avnu-{name}.service")["EnvironmentFile"]
    assert read == ["/etc/avnu/avnu.env", f"/etc/avnu/{role}.env"]


def documented() -> list[list[str]]:
    """The commands that the head of avnu.target tells to type."""
    text = TARGET.replace("\\\n#", "")
    typed = re.findall(r"^#   ((?:cp|install|systemctl) .*)", text, re.MULTILINE)
    return [shlex.split(line) for line in typed]


def started(by: str, units: Path) -> Iterator[str]:
    """Everything that ``by`` wants, and what that wants."""
    for link in sorted((units / f"{by}.wants").glob("*")):
        yield link.name
        yield from started(link.name, units)


def test_a_boot_starts_what_the_documented_commands_have_installed(tmp_path: Path) -> None:
    units, programs = tmp_path / "etc/systemd/system", tmp_path / "usr/local/bin"
    units.mkdir(parents=True)
    programs.mkdir(parents=True)
    for program, *arguments in documented():
        if program != "systemctl":
            line = shlex.join([program, *arguments]).replace(
                "'", ""
            )  # its patterns are the shell's
            line = line.replace(" /", f" {tmp_path}/")
            subprocess.run(line, shell=True, check=True, cwd=SYSTEMD)
        elif arguments[0] == "enable":
            command = [require("systemctl"), f"--root={tmp_path}", *arguments]
            command.remove("--now")  # nothing runs there
            subprocess.run(command, check=True, capture_output=True)
    assert set(started("multi-user.target", units)) == {
        "avnu.target",
        "avnu-receiver@8001.service",
        "avnu-receiver@8002.service",
        "avnu-worker.service",
        "avnu-beat.service",
        "avnu-flower.service",
    }
    assert (units / "avnu-.service.d" / "all.conf").exists()
    assert (units / "avnu-migrate.service").exists()
    assert not (units / "redis-server.service.d").exists(), "that is for the hosts of Redis"
    assert os.access(programs / "avnu", os.X_OK)


def told_settings() -> dict[str, set[str]]:
    """The settings that each role's file has, by the head of avnu.target."""
    table = re.findall(r"^#   (\w+)\.env +((?:[A-Z_]+(?: |\n# {9,})?)+)", TARGET, re.MULTILINE)
    return {role: set(re.findall(r"[A-Z_]+", names)) for role, names in table}


def test_each_role_is_given_what_compose_gives_it_and_no_other_secret() -> None:
    compose: Any = YAML(typ="safe").load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    shared = {*compose["x-places"], "COMPLIANCE_EXPORT_DIR"}
    told = told_settings()
    assert set(told) == {"receiver", "worker", "beat", "flower", "operator", "migrate"}
    for role, names in told.items():
        assert names <= {row.name for row in ROWS}
        service = "receiver-1" if role == "receiver" else role
        given = set(compose["services"][service]["environment"]) - shared
        assert names == given, role
        assert not names & shared


def test_the_avnu_command_reads_the_operators_settings_before_the_shared_ones(
    tmp_path: Path,
) -> None:
    text = (SYSTEMD / "avnu.sh").read_text(encoding="utf-8")
    script, body = tmp_path / "avnu", tmp_path / "body.json"
    text = text.replace("/opt/avnu/bin/avnu", str(Path(sys.executable).parent / "avnu"))
    script.write_text(text.replace("/etc/avnu", str(tmp_path)))
    script.chmod(0o755)
    body.write_bytes(b"{}")
    (tmp_path / "operator.env").write_text("SHOPIFY_API_SECRET=operators\n")
    (tmp_path / "avnu.env").write_text(
        "SHOPIFY_API_SECRET=another\nSHOPIFY_API_SECRET_PREVIOUS=shared\n"
    )
    for secret, name in (
        ("operators", "SHOPIFY_API_SECRET"),
        ("shared", "SHOPIFY_API_SECRET_PREVIOUS"),
    ):
        command = [str(script), "verify", sign(secret, b"{}"), str(body)]
        said = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)
        assert said.stdout == f"valid: signed with {name}\n", said.stderr


WAIT = re.compile(r"curl [^\n`]*http://127\.0\.0\.1:(800\d)/readyz(?= &&)")


class Starting(BaseHTTPRequestHandler):
    """A receiver that has so many answers left."""

    left: ClassVar[list[int]] = []

    def do_GET(self) -> None:
        self.send_response(self.left.pop(0))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Not among the test's own words."""


def test_a_restart_waits_for_the_receiver_before(tmp_path: Path) -> None:
    places = (DEPLOY / "README.md", SYSTEMD / "avnu-receiver@.service")
    waits = [found for path in places for found in WAIT.finditer(path.read_text(encoding="utf-8"))]
    assert len(waits) == 5
    (command,) = {found[0].replace(found[1], "{port}") for found in waits}
    require("curl")
    port, log = free_port(), tmp_path / "log"
    Starting.left[:] = [503, 200]  # it has started before Redis
    arguments = [*shlex.split(command.format(port=port)), "--verbose"]
    with log.open("wb") as out:
        asking = subprocess.Popen(arguments, stdout=out, stderr=out)
    try:
        wait_until(lambda: "refused" in log.read_text(), 20, "curl has asked too early")
        with HTTPServer(("127.0.0.1", port), Starting) as server:
            server.timeout = 20
            server.handle_request()
            server.handle_request()
        assert asking.wait(20) == 0, log.read_text()
    finally:
        asking.kill()
        asking.wait()
    assert not Starting.left


REDIS_UNIT = """\
[Service]
Type=notify
ExecStart=/usr/bin/redis-server /etc/redis/redis.conf --supervised systemd --daemonize no
"""


def test_debians_redis_runs_avnus_file_and_says_when_it_is_ready(tmp_path: Path) -> None:
    program = require("redis-server")
    unit = tmp_path / "redis-server.service"
    unit.write_text(REDIS_UNIT.replace("/usr/bin/redis-server", program))
    shutil.copytree(SYSTEMD / "redis-server.service.d", tmp_path / "redis-server.service.d")
    found = effective(unit)
    (command,) = found["Command Line"]
    assert "/etc/redis/queue.conf" in command
    assert found["TimeoutStartSec"] == ["infinity"]

    etc = tmp_path / "etc"
    place(etc, "conf", before_7_2=True)
    change(etc / "queue.conf", {"port 6379": f"port {free_port()}"})
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(str(tmp_path / "notify"))
        notified.settimeout(20)
        process = subprocess.Popen(
            shlex.split(command.replace("/etc/redis", str(etc))),
            env={**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")},
            stdout=subprocess.DEVNULL,
        )
        try:
            while b"READY=1" not in notified.recv(4096):
                assert process.poll() is None
        finally:
            process.kill()
            process.wait()


def test_the_kernel_knows_what_redis_asks_of_it() -> None:
    text = (DEPLOY / "redis" / "sysctl.conf").read_text(encoding="utf-8")
    lines = [line.split(" = ") for line in text.splitlines() if line and not line.startswith("#")]
    assert lines == [["vm.overcommit_memory", "1"]]
    assert all(Path("/proc/sys", name.replace(".", "/")).exists() for name, _ in lines)
