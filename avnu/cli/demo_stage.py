"""The programs of the demo: started, watched, one of them killed, all of them ended.

Shopify's side, the sandbox, is one of them, and ends last: it has its own count of calls.

Not honcho, which ends everything as soon as one program ends: here a worker is killed on purpose.
"""

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from avnu.cli import programs
from avnu.cli.demo_calls import ApiCalls, api_calls
from avnu.clock import Clock
from avnu.connections import Connections
from avnu.embedded import LEASH
from avnu.errors import CheckFailed, InboxUnavailable
from avnu.inbox import Inbox
from avnu.inbox.overview import overview
from avnu.settings import Settings

_UP_S = 30.0
_STOP_S = 10.0
_PAUSE_S = 0.02
_LOG_TAIL_BYTES = 2000
_TICKING_S = 2.0


class Program:
    """One child process with a family of its own and its log in a file."""

    def __init__(
        self, name: str, command: Sequence[str], environ: Mapping[str, str], folder: Path
    ) -> None:
        self.name = name
        self._log = folder / f"{name}.log"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                # On Linux it ends with the demo, even if that is killed.
                [sys.executable, "-I", "-S", "-c", LEASH, str(os.getpid()), *command],
                cwd=folder,
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A group of its own: Ctrl-C reaches only the demo, which ends it in order.
                start_new_session=True,
            )

    def check(self) -> None:
        """Raises CheckFailed, with the end of its log, when it has ended."""
        if self._process.poll() is not None:
            tail = self._log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace")
            raise CheckFailed(f"the {self.name} ended by itself; its log ends:\n{tail}")

    def has_said(self, words: bytes) -> bool:
        """Whether its log holds these words."""
        return words in self._log.read_bytes()

    def signal_family(self, number: signal.Signals) -> None:
        """Send a signal to the program and all its children."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def kill(self) -> None:
        """SIGKILL to the whole family, as when its machine loses power."""
        self.signal_family(signal.SIGKILL)
        self._process.wait()

    def ask_to_end(self) -> None:
        """SIGTERM to the main process, which lets its children finish."""
        if self._process.poll() is None:
            self._process.terminate()

    def stop(self) -> None:
        """Wait for an orderly end; kill what has not ended in 10 s, or was left behind."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_S)
        self.kill()


class Stage:
    """Sandbox, receiver, worker and beat of one demo, and its inbox to look into.

    ``day`` are the sandbox's options: which day of which shops it plays.
    """

    def __init__(
        self, settings: Settings, folder: Path, clock: Clock, day: Sequence[str] = ()
    ) -> None:
        # Late: Celery takes longer to import than most commands take.
        from avnu.app import build_inbox

        self.settings = settings
        self.clock = clock
        self._folder = folder
        self._day = day
        self._connections = Connections(settings)
        # What a killed program leaves among the temporary files goes with the folder.
        self._environ = programs.environment(settings) | {"TMPDIR": str(folder)}
        self._programs: dict[str, Program] = {}
        self._workers = 0
        self.inbox: Inbox = build_inbox(settings, self._connections, clock)

    def start(self) -> None:
        """Start all of them, and wait for none."""
        self._launch("sandbox", programs.sandbox(self.settings, *self._day))
        self._launch("receiver", programs.receiver(self.settings))
        self._launch("beat", programs.beat(self.settings))
        self.start_worker()

    def start_worker(self) -> None:
        """Start a worker, the first or one for a killed one."""
        self._workers += 1
        name = f"worker-{self._workers}"
        self._launch(name, programs.worker(self.settings, name))
        self.worker = self._programs[name]

    def forget_worker(self) -> None:
        """The worker was killed on purpose: its end is no fault."""
        del self._programs[self.worker.name]

    def check(self) -> None:
        """Raises CheckFailed when a program has ended that should run."""
        for program in self._programs.values():
            program.check()

    def wait_for(self, condition: Callable[[], bool], within_s: float, what: str) -> None:
        """Returns once it holds. Raises CheckFailed when it takes longer, or a program ends."""
        deadline = self.clock.monotonic() + within_s
        while not condition():
            self.check()
            if self.clock.monotonic() > deadline:
                raise CheckFailed(f"not within {within_s:.0f} s: {what}")
            self.clock.sleep(_PAUSE_S)

    def wait_until_up(self) -> None:
        """Returns once the receiver can keep a webhook, a worker ticks, and Shopify answers."""
        self.wait_for(self._sandbox_ready, _UP_S, "the sandbox was ready")
        self.wait_for(self._ready, _UP_S, "the receiver was ready")
        self.wait_for(self._ticking, _UP_S, "a worker was up")
        # It ticks a second before it takes messages.
        self.wait_for(lambda: self.worker.has_said(b" ready."), _UP_S, "a worker took messages")

    def stop_receiver(self) -> None:
        """Nothing is taken in any more."""
        self._stop(["receiver"])

    def stop_avnu(self) -> ApiCalls:
        """End all but the sandbox, so that nothing calls it any more; then both sides' counts."""
        self._stop([name for name in self._programs if name != "sandbox"])
        return api_calls(self.settings, self._connections.cache())

    def stop(self) -> None:
        """End all of them in order; what does not end is killed."""
        self._stop(list(self._programs))

    def _stop(self, names: Sequence[str]) -> None:
        ending = [self._programs[name] for name in names]
        for program in ending:
            program.ask_to_end()
        for program in ending:
            program.stop()
        for name in names:
            del self._programs[name]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        self._connections.close()

    def _launch(self, name: str, command: Sequence[str]) -> None:
        self._programs[name] = Program(name, command, self._environ, self._folder)

    def _ready(self) -> bool:
        return self._answers(self.settings.avnu_host, self.settings.avnu_port, "/readyz")

    def _sandbox_ready(self) -> bool:
        where = urlsplit(self.settings.shopify_admin_origin)
        return self._answers(where.hostname or "", where.port or 0, "/sandbox/healthz")

    def _answers(self, host: str, port: int, path: str) -> bool:
        connection = http.client.HTTPConnection(host, port, timeout=2)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _ticking(self) -> bool:
        with suppress(InboxUnavailable):
            return overview(self.inbox).tick_age_s < _TICKING_S
        return False
