"""Programs under measurement: started, waited for, their CPU time read, and ended."""

import ctypes
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from tests.bench.errors import BenchError

READY_SECONDS = 60.0
STOP_SECONDS = 20.0
POLL_SECONDS = 0.02

REPOSITORY = Path(__file__).parents[2]

# What a program inherits: no variable of the developer's own Redis or settings reaches it.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
_PR_SET_PDEATHSIG = 1


class Program:
    """A child process with all its descendants, its output kept in a file; ends with its parent."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path = REPOSITORY,
    ) -> None:
        self.name = name
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop
        inherited = {key: os.environ[key] for key in _INHERITED if key in os.environ}
        # A session of its own, so that Ctrl-C reaches only the benchmark, which ends it in order.
        self._process = subprocess.Popen(
            command,
            env={**inherited, **(env or {})},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - the benchmark has one thread
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_for_port(self, port: int) -> None:
        """Return once the port accepts a connection; raises BenchError otherwise."""
        deadline = time.monotonic() + READY_SECONDS
        while not accepts(port):
            self.check()
            if time.monotonic() > deadline:
                raise BenchError(f"{self.name} did not listen:\n{self.output()}")
            time.sleep(POLL_SECONDS)

    def check(self) -> None:
        """Raise BenchError when the program has ended."""
        if self._process.poll() is not None:
            raise BenchError(f"{self.name} ended:\n{self.output()}")

    def output(self) -> str:
        """The end of what the program wrote."""
        size = self._output.seek(0, os.SEEK_END)
        self._output.seek(max(0, size - 4000))
        return self._output.read().decode(errors="replace")

    def stop(self) -> None:
        """End the program gracefully, or its family at once after STOP_SECONDS."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
        self._output.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def accepts(port: int) -> bool:
    """True when a port of the loopback address accepts a connection."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True


def cpu_seconds(root: int) -> float:
    """CPU seconds, user and system, that this process and its descendants have used.

    psutil reads /proc/<pid>/stat (proc(5)): all threads, and the children already waited for.
    """
    total = 0.0
    parent = psutil.Process(root)
    for process in (parent, *parent.children(recursive=True)):
        times = process.cpu_times()
        total += times.user + times.system + times.children_user + times.children_system
    return total


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
