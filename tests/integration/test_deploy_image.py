"""deploy/Dockerfile: its linter is content, it copies what is there, and runs nobody's commands as
root. The image itself is not built here; the wheel that it installs is.
"""

import re
import subprocess
import sys
from pathlib import Path

import pathspec
from click.testing import CliRunner

from avnu.cli import main
from avnu.cli.run import PROGRAMS
from tests.support.require import require

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
TEXT = DOCKERFILE.read_text(encoding="utf-8")


def instructions(name: str, text: str = TEXT) -> list[str]:
    """What follows each ``name``, lines joined."""
    joined = text.replace("\\\n", " ")
    return re.findall(rf"^{name} +(.+)$", joined, re.MULTILINE)


def hadolint(text: str) -> "subprocess.CompletedProcess[str]":
    command = [require("hadolint", also_in=str(Path(sys.executable).parent)), "-"]
    return subprocess.run(command, check=False, capture_output=True, text=True, input=text)


def test_the_linter_is_content() -> None:
    said = hadolint(TEXT)
    assert (said.returncode, said.stdout) == (0, "")


def test_the_linter_would_tell() -> None:
    assert "DL3002" in hadolint(TEXT.replace("USER 10001:10001", "USER root")).stdout


def test_the_last_stage_is_nobody_and_cannot_build() -> None:
    *_, last = TEXT.split("\nFROM ")
    assert instructions("USER", last) == ["10001:10001"]
    for tool in ("apt-get", "pip", "gcc", "curl"):
        assert tool not in last.lower().replace("what is copied below", "")
    assert instructions("STOPSIGNAL", last) == ["SIGTERM"]
    assert "/healthz" in instructions("HEALTHCHECK", last)[0]


def test_everything_is_installed_at_the_tested_version() -> None:
    installs = [run for run in instructions("RUN") if " install " in run and "pip" in run]
    assert len(installs) == 2
    for run in installs:
        assert "-c deploy/constraints.txt" in run or "--no-deps" in run


def test_what_is_copied_is_there_and_not_ignored() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    ignored = pathspec.PathSpec.from_lines("gitignore", lines)
    copied = {
        source
        for copy in instructions("COPY")
        if not copy.startswith("--from")
        for source in copy.split()[:-1]
    }
    assert {"avnu/", "deploy/constraints.txt", "pyproject.toml", "tasks/", "webhooks/"} <= copied
    for source in copied:
        path = ROOT / source
        assert path.exists(), source
        inside = path / "__init__.py" if path.is_dir() else path
        assert not ignored.match_file(inside.relative_to(ROOT)), source
    for secret in (".env", "deploy/.env", ".git/config", "tests/conftest.py", "avnu/.env"):
        assert ignored.match_file(secret), secret


def test_its_commands_are_avnus() -> None:
    assert instructions("ENTRYPOINT") == ['["avnu"]']
    assert instructions("CMD")[-1] == '["run", "receiver"]'
    assert set(PROGRAMS) >= {"receiver", "worker", "beat"}
    assert CliRunner().invoke(main, ["run", "--help"]).exit_code == 0
