"""What pytest-celery takes for docker-py's containers, on processes of this machine.

pytest-celery 1.3 wraps docker-py's Container several times; only this lowest layer is replaced, so
its clusters and nodes (kill, restart, ready, logs) work as they do on Docker.
"""

import signal
from typing import Any, Protocol

from pytest_celery import CeleryWorkerContainer, RedisContainer

from tests.support.programs import Program
from tests.support.servers import Server

# wrappers/container.py of pytest_docker_tools 3.1 reads /proc/net/tcp in the container, to see
# whether the port of its image listens: local address, state 0A.
_LISTENING = b"0: 00000000:18EB 00000000:0000 0A"
_REDIS_PORT = "6379/tcp"


class _Part(Protocol):
    """What a process must be able to do to be taken for a container."""

    @property
    def log(self) -> str: ...
    @property
    def running(self) -> bool: ...
    def begin(self) -> None: ...
    def end(self, number: signal.Signals) -> None: ...


class ServerPart:
    """A Redis server as a container: a kill loses nothing that its append-only file holds."""

    def __init__(self, server: Server) -> None:
        self.server = server

    @property
    def log(self) -> str:
        return self.server.log

    @property
    def running(self) -> bool:
        return self.server.pid is not None

    def begin(self) -> None:
        self.server.start()

    def end(self, number: signal.Signals) -> None:
        if number is signal.SIGKILL:
            self.server.kill()
        else:
            self.server.stop()


class ProgramPart:
    """A worker as a container: its signals reach the whole of it, as they do when one is killed."""

    def __init__(self, program: Program) -> None:
        self.program = program

    @property
    def log(self) -> str:
        return self.program.log

    @property
    def running(self) -> bool:
        return self.program.running

    def begin(self) -> None:
        self.program.launch()

    def end(self, number: signal.Signals) -> None:
        if number is signal.SIGKILL:
            self.program.kill_all()
        else:
            self.program.stop()


class LocalContainer:
    """The attributes and methods of docker-py's Container that the wrappers use."""

    def __init__(self, name: str, part: _Part, port: int | None = None) -> None:
        self.name = name
        self.id = name.ljust(12, "0")
        self._part = part
        self._port = port

    @property
    def status(self) -> str:
        return "running" if self._part.running else "exited"

    @property
    def attrs(self) -> dict[str, Any]:
        ports = {_REDIS_PORT: [{"HostPort": str(self._port)}]} if self._port else {}
        return {
            "Config": {"Hostname": "127.0.0.1", "Env": []},
            "HostConfig": {"PortBindings": ports},
            "NetworkSettings": {"Networks": {}, "Ports": ports},
        }

    def reload(self) -> None:
        """A process has no state but its own."""

    def logs(self) -> bytes:
        return self._part.log.encode()

    def kill(self, signal: str | int | None = None) -> None:
        self._part.end(_number(signal))

    def restart(self, timeout: int = 10) -> None:  # noqa: ARG002 -- docker-py's
        if self._part.running:
            self._part.end(signal.SIGTERM)
        self._part.begin()

    def exec_run(self, command: str, **options: Any) -> tuple[int, bytes]:  # noqa: ARG002 -- docker-py's
        assert "/proc/net/tcp" in command, f"nothing here runs {command!r}"
        return 0, _LISTENING if self._part.running else b""


class LocalRedis(RedisContainer):  # type: ignore[misc]
    """Its address as seen from this machine, where the wrapper would ask Docker."""

    @property
    def port(self) -> int:
        return int(self._container.attrs["NetworkSettings"]["Ports"][_REDIS_PORT][0]["HostPort"])

    @property
    def url(self) -> str:
        return str(self.host_url)


class LocalWorker(CeleryWorkerContainer):  # type: ignore[misc]
    """A worker; its log says "ready." when it is."""


def _number(given: str | int | None) -> signal.Signals:
    if isinstance(given, str):
        return signal.Signals[given]
    return signal.Signals(given or signal.SIGKILL)
