"""Every shell script of the repository: shellcheck is content, and each says what it lacks."""

import subprocess
from pathlib import Path

import pytest

from tests.support.require import require

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = [ROOT / ".ci" / "run", *sorted((ROOT / "deploy").rglob("*.sh"))]


def shellcheck(text: str) -> "subprocess.CompletedProcess[str]":
    command = [require("shellcheck"), "--severity=style", "-"]
    return subprocess.run(command, check=False, capture_output=True, text=True, input=text)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_is_content(path: Path) -> None:
    said = shellcheck(path.read_text(encoding="utf-8"))
    assert (said.returncode, said.stdout) == (0, "")
    assert path.stat().st_mode & 0o111, "it cannot be run"


def test_shellcheck_would_tell() -> None:
    assert "SC2086" in shellcheck("#!/bin/sh\necho $1\n").stdout


def test_the_users_are_not_written_without_all_passwords() -> None:
    script = ROOT / "deploy" / "redis" / "users.sh"
    said = subprocess.run(
        [str(script)],
        env={"PATH": "/usr/bin:/bin", "REDIS_RECEIVER_PASSWORD": "x"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert (said.returncode, said.stdout) == (2, "")
    assert "REDIS_WORKER_PASSWORD" in said.stderr
