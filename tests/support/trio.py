"""Three Redis and three Sentinels on loopback, with the files and users of deploy/redis/."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from redis.exceptions import RedisError

from avnu.connection_options import retry
from avnu.embedded import LEASH, free_port
from tests.support.acl import EVERYTHING, login, password
from tests.support.redis_conf import change, follow, place
from tests.support.require import require
from tests.support.self_signed import self_signed
from tests.support.waiting import wait_until

MASTER = "avnu"
SENTINEL_PASSWORD = "put-your-sentinels-password-here"
START_S = 40.0


class Node:
    """One server or Sentinel that may be killed, frozen and started again on the same port."""

    def __init__(self, binary: str, conf: Path, port: int) -> None:
        self.port = port
        self.folder = conf.parent
        self._command = [binary, str(conf)]
        self._log = conf.with_suffix(".log")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        leash = [sys.executable, "-I", "-S", "-c", LEASH, str(os.getpid())]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([*leash, *self._command], stdout=log, stderr=log)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def running(self) -> bool:
        return self._process is not None

    def signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            os.kill(self._process.pid, number)


class Trio:
    """What a Stack takes for a server: ``start``, ``client`` of the primary, ``thaw``, ``kill``.

    ``down_after_ms`` stands for what sentinel.conf says: how long a primary is silent before the
    Sentinels think about another. With ``tls`` nobody of them has a plain port.
    """

    def __init__(
        self, folder: Path, namespace: str, down_after_ms: int = 1000, *, tls: bool = False
    ) -> None:
        self._folder = folder
        self._namespace = namespace
        self._down_after_ms = down_after_ms
        self._tls = tls
        self.host = "localhost" if tls else "127.0.0.1"
        if tls:
            folder.mkdir()
            self_signed(folder / "server.pem", folder / "server.key")
        self.ports = [free_port() for _ in range(3)]
        self.servers = [self._server(n) for n in range(3)]
        self.sentinels = [self._sentinel(n) for n in range(3)]

    def _server(self, n: int) -> Node:
        folder = self._folder / f"redis-{n}"
        local = f"masterauth {password('replica')}\n"
        if self._tls:
            local += f"replica-announce-ip {self.host}\n"
        place(folder, self._namespace, before_7_2=True, local=local)
        if n:
            follow(folder, self.host, self.ports[0])
        self._listen(folder / "queue.conf", "tls.conf", 6379, self.ports[n])
        return Node(require("redis-server"), folder / "replica.conf", self.ports[n])

    def _sentinel(self, n: int) -> Node:
        port = free_port()
        folder = self._folder / f"sentinel-{n}"
        place(folder, self._namespace, before_7_2=True)
        changes = {
            "sentinel monitor avnu redis-1.example.com 6379 2": (
                f"sentinel monitor avnu {self.host} {self.ports[0]} 2"
            ),
            "sentinel auth-pass avnu put-the-password-of-the-user-sentinel-here": (
                f"sentinel auth-pass avnu {password('sentinel')}"
            ),
            "sentinel down-after-milliseconds avnu 5000": (
                f"sentinel down-after-milliseconds avnu {self._down_after_ms}"
            ),
        }
        conf = folder / "sentinel.conf"
        change(conf, changes)
        self._listen(conf, "sentinel-tls.conf", 26379, port)
        return Node(require("redis-sentinel"), conf, port)

    def _listen(self, conf: Path, tls_conf: str, old: int, port: int) -> None:
        if not self._tls:
            change(conf, {f"port {old}": f"port {port}"})
            return
        ours = conf.parent / "tls"
        ours.mkdir()
        for made, name in (("pem", "server.pem"), ("pem", "ca.pem"), ("key", "server.key")):
            shutil.copy(self._folder / f"server.{made}", ours / name)
        change(conf.parent / tls_conf, {f"tls-port {old}": f"tls-port {port}"})
        conf.write_text(conf.read_text() + f"include {conf.parent / tls_conf}\n")

    def start(self) -> None:
        """Returns when both replicas follow and every Sentinel knows the whole."""
        for server in self.servers:
            server.start()
        wait_until(lambda: self._replicas() == 2, START_S, "both replicas follow")
        for sentinel in self.sentinels:
            sentinel.start()
        wait_until(self.all_known, START_S, "every Sentinel knows servers and Sentinels")

    def environ(self) -> dict[str, str]:
        """The variables that point Avnu at it, as EVERYTHING; a program names its own user."""
        return {
            "REDIS_SENTINELS": ",".join(f"{self.host}:{node.port}" for node in self.sentinels),
            "REDIS_SENTINEL_MASTER": MASTER,
            "REDIS_SENTINEL_PASSWORD": SENTINEL_PASSWORD,
            **login(EVERYTHING),
            **self._tls_environ(),
        }

    def _tls_environ(self) -> dict[str, str]:
        if not self._tls:
            return {}
        return {
            "REDIS_TLS_ENABLED": "true",
            "REDIS_TLS_CA_FILE": str(self._folder / "server.pem"),
        }

    @contextmanager
    def client(self, db: int = 0) -> Iterator["redis.Redis"]:
        """Of the primary that the Sentinels name."""
        with self.client_of(self.primary(), db) as client:
            yield client

    def primary(self) -> int:
        """Its port. Raises what redis-py raises when no Sentinel answers."""
        with self._asking(self.sentinels[0].port) as sentinel:
            answer: Any = sentinel.sentinel_get_master_addr_by_name(MASTER)
        return int(answer[1])

    def node(self, port: int) -> Node:
        return self.servers[self.ports.index(port)]

    def follows(self, port: int) -> bool:
        """Is it a replica that hears its primary?"""
        try:
            with self.client_of(port) as client:
                found: Any = client.info("replication")
        except RedisError:
            return False
        return bool(found["role"] == "slave" and found["master_link_status"] == "up")

    def thaw(self) -> None:
        for node in self.servers:
            node.signal(signal.SIGCONT)

    def kill(self) -> None:
        for node in (*self.sentinels, *self.servers):
            node.kill()

    def _replicas(self) -> int:
        return sum(self.follows(port) for port in self.ports)

    def all_known(self) -> bool:
        """Does each Sentinel see a primary that is well, both replicas, and the other two?"""
        try:
            for node in self.sentinels:
                with self._asking(node.port) as sentinel:
                    state: Any = sentinel.sentinel_master(MASTER)
                seen = (state["flags"], state["num-slaves"], state["num-other-sentinels"])
                if seen != ("master", 2, 2):
                    return False
        except RedisError:
            return False
        return True

    def client_of(self, port: int, db: int = 0) -> "redis.Redis":
        """Of that server, whatever its role."""
        return redis.Redis(
            host=self.host, port=port, db=db, username=EVERYTHING, password=password(EVERYTHING),
            socket_timeout=2, retry=retry(), **self._tls_options(),
        )  # fmt: skip

    def _asking(self, port: int) -> "redis.Redis":
        return redis.Redis(
            host=self.host, port=port, password=SENTINEL_PASSWORD, decode_responses=True,
            socket_timeout=2, retry=retry(), **self._tls_options(),
        )  # fmt: skip

    def _tls_options(self) -> dict[str, Any]:
        if not self._tls:
            return {}
        return {"ssl": True, "ssl_ca_certs": str(self._folder / "server.pem")}
