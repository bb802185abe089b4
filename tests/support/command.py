"""Running the ``avnu`` command in tests: inside this process, or as a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import psutil
from click.testing import CliRunner, Result

from avnu.cli import main

AVNU = str(Path(sys.executable).with_name("avnu"))
MARK = "AVNU_TEST_MARK"


class Run(Protocol):
    """Runs ``avnu`` with these arguments."""

    def __call__(self, *arguments: str, stdin: bytes | None = None) -> Result: ...


def runner(environ: Mapping[str, str | None]) -> Run:
    """``avnu`` with this environment; None takes a variable away while it runs."""

    def run(*arguments: str, stdin: bytes | None = None) -> Result:
        result = CliRunner(env=environ).invoke(main, list(arguments), input=stdin)
        assert result.exception is None or isinstance(result.exception, SystemExit), result
        return result

    return run


def told(result: Result) -> Any:
    """The one JSON document on stdout."""
    return json.loads(result.stdout)


def start(
    arguments: Sequence[str], environ: Mapping[str, str], folder: Path, mark: str, **how: Any
) -> "subprocess.Popen[bytes]":
    """``avnu`` as a process of its own; it and all its descendants carry ``mark``."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.Popen(
        [AVNU, *arguments],
        env={**inherited, **environ, MARK: mark},
        cwd=folder,
        stdin=how.pop("stdin", subprocess.DEVNULL),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **how,
    )


def marked(mark: str) -> list[list[str]]:
    """Command lines of the processes that carry ``mark``, wherever they hang in the tree."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.cmdline())
        except psutil.Error:
            continue  # it has ended, or belongs to somebody else
    return found
