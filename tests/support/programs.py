"""Avnu's programs as real processes that a test may kill, freeze and end: worker and receiver."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import urllib3

from avnu.cli.programs import UVICORN_LOGS
from avnu.embedded import LEASH, free_port
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
SCRIPTED = "tests.support.scripted"
START_S = 60.0
STOP_S = 40.0


class Program:
    """One process with its children, in a session of its own; ends with the test at the latest."""

    def __init__(self, name: str, folder: Path, environ: Mapping[str, str]) -> None:
        self.name = name
        self.environ = {**os.environ, **environ}
        self._log = folder / f"{name}.log"
        self._log_from = 0
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> Sequence[str]:
        """Interpreter arguments after ``python -m``."""
        raise NotImplementedError

    def ready(self) -> bool:
        """Can it work?"""
        raise NotImplementedError

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} was not started"
        return self._process.pid

    @property
    def log(self) -> str:
        """What it wrote since its last start."""
        with self._log.open("rb") as file:
            file.seek(self._log_from)
            return file.read().decode(errors="replace")

    def launch(self) -> Self:
        """Start, without waiting."""
        self._log_from = self._log.stat().st_size if self._log.exists() else 0
        python = [sys.executable, "-I", "-S", "-c", LEASH, str(os.getpid()), sys.executable]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*python, "-m", *self.command()],
                cwd=ROOT,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    def start(self) -> Self:
        """Start, and wait until it is ready."""
        return self.launch().wait_ready()

    def wait_ready(self) -> Self:
        wait_until(self._ready_or_ended, START_S, f"{self.name} is ready")
        return self

    def _ready_or_ended(self) -> bool:
        assert self.running, f"{self.name} ended:\n{self.log[-2000:]}"
        return self.ready()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def children(self) -> list[int]:
        """Process ids of its children."""
        return [child.pid for child in psutil.Process(self.pid).children(recursive=True)]

    def signal_all(self, number: signal.Signals) -> None:
        """The whole process group at once, as a reboot or a freezing host would."""
        os.killpg(self.pid, number)

    def kill_main(self) -> None:
        """SIGKILL to the main process alone; its children find out by themselves."""
        os.kill(self.pid, signal.SIGKILL)
        self.wait()

    def kill_all(self) -> None:
        """SIGKILL to everything."""
        self.signal_all(signal.SIGKILL)
        self.wait()

    def stop(self, within_s: float = STOP_S) -> int:
        """SIGTERM, and its exit code."""
        os.kill(self.pid, signal.SIGTERM)
        return self.wait(within_s)

    def wait(self, within_s: float = STOP_S) -> int:
        assert self._process is not None, f"{self.name} was not started"
        return self._process.wait(within_s)

    def close(self) -> None:
        """End it in whatever state it is, children included."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Worker(Program):
    """A Celery worker with the scripted handlers, or with ``app="avnu"`` the real ones.

    The real ones, and any with ``options``, are started by Celery's command line, as operators do.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        environ: Mapping[str, str],
        *,
        app: str = SCRIPTED,
        options: Sequence[str] = (),
    ) -> None:
        super().__init__(name, folder, environ)
        self._app = app
        self._options = tuple(options)

    def command(self) -> Sequence[str]:
        name = f"{self.name}@test"
        if self._app == SCRIPTED and not self._options:
            return ("tests.support.quick_worker", name)
        return ("celery", "-A", self._app, "worker", "-n", name, *self._options)

    def ready(self) -> bool:
        return f"{self.name}@test ready." in self.log


class Beat(Program):
    """A beat, as operators start it."""

    def command(self) -> Sequence[str]:
        return ("celery", "--quiet", "-A", "avnu", "beat", "--pidfile=", "-l", "INFO")

    def ready(self) -> bool:
        return "beat: Starting..." in self.log

    @property
    def leads(self) -> bool:
        return "this beat leads" in self.log


class Flower(Program):
    """Flower on a free port, as operators start it."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self.port = free_port()
        super().__init__("flower", folder, {**environ, "FLOWER_PORT": str(self.port)})

    def command(self) -> Sequence[str]:
        return ("celery", "--quiet", "-A", "avnu", "flower")

    def ready(self) -> bool:
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            return self.ask("/healthcheck").status == 200
        return False

    def ask(
        self, path: str, login: str = "", method: str = "GET"
    ) -> urllib3.response.BaseHTTPResponse:
        headers = urllib3.make_headers(basic_auth=login) if login else {}
        with urllib3.PoolManager(retries=False, timeout=5) as pool:
            return pool.request(method, f"http://127.0.0.1:{self.port}{path}", headers=headers)


class Receiver(Program):
    """The production door under uvicorn, on a port that stays the same over restarts."""

    def __init__(self, name: str, folder: Path, environ: Mapping[str, str]) -> None:
        super().__init__(name, folder, environ)
        self.port = free_port()

    def command(self) -> Sequence[str]:
        return ("uvicorn", "webhooks.asgi:app", "--port", str(self.port), "--no-access-log",
                "--log-config", str(UVICORN_LOGS))  # fmt: skip

    def ready(self) -> bool:
        try:
            with urllib3.PoolManager(retries=False) as pool:
                return pool.request("GET", f"{self.url}/readyz", timeout=5).status == 200
        except urllib3.exceptions.HTTPError:
            return False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def until(moment_s: float, stop: Callable[[], bool] = lambda: False) -> None:
    """Sleep until the monotonic time ``moment_s``: for faults at random instants."""
    while not stop() and (left := moment_s - time.monotonic()) > 0:
        time.sleep(min(left, 0.05))
