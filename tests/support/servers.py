"""Redis and Valkey servers that a test may start, kill, freeze and bring back."""

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import redis

from avnu.connection_options import retry
from avnu.embedded import EmbeddedServer
from tests.support.require import require

VALKEY = "valkey"
REDIS = "redis"


class Server:
    """One server of its own: the bundled Valkey, or with ``kind="redis"`` the installed Redis.

    It keeps an append-only file in ``folder``, so ``kill`` and ``start`` is a crash and a restart
    on the same port with the same data. ``extra`` are arguments such as ``--maxmemory 20mb``.
    """

    def __init__(
        self, folder: str | Path, kind: str = VALKEY, extra: Sequence[str] = (), port: int = 0
    ) -> None:
        binary = require("redis-server") if kind == REDIS else None
        self._server = EmbeddedServer(folder, port, binary=binary, extra=extra)

    @property
    def host(self) -> str:
        return self._server.host

    @property
    def port(self) -> int:
        return self._server.port

    @property
    def pid(self) -> int | None:
        return self._server.pid

    @property
    def log(self) -> str:
        return self._server.log_path.read_text(errors="replace")

    def environ(self) -> dict[str, str]:
        """The variables that point Avnu at this server."""
        return {"REDIS_HOST": self.host, "REDIS_PORT": str(self.port)}

    def client(self, db: int = 0, *, timeout_s: float = 5.0, **options: Any) -> redis.Redis:
        """A client that sends each command once and answers bytes."""
        return redis.Redis(
            host=self.host,
            port=self.port,
            db=db,
            socket_timeout=timeout_s,
            retry=retry(),
            **options,
        )

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self.thaw()
        self._server.stop()

    def kill(self) -> None:
        """SIGKILL, as a crash of the machine's server would be; frozen or not."""
        self._server.kill()

    def restart(self, *, killed: bool = True) -> None:
        """The same data on the same port, after a crash or, with ``killed=False``, in order."""
        if killed:
            self.kill()
        else:
            self.stop()
        self.start()

    def freeze(self) -> None:
        """SIGSTOP: connections stay open and nobody answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT: goes on where it was."""
        self._signal(signal.SIGCONT)

    def flush(self) -> None:
        """Empties every database and forgets the scripts."""
        with self.client() as client:
            client.flushall()
            client.script_flush()

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

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is not None:
            os.kill(self.pid, number)
