"""The files of deploy/redis/ as they stand, with this test's folder and ports put in."""

import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import redis

from tests.support.acl import REDIS, users_file

NOT_YET = (redis.ConnectionError, redis.BusyLoadingError)


def place(folder: Path, namespace: str, *, before_7_2: bool, local: str = "") -> None:
    """Every file in ``folder``, which stands for /etc/redis and /var/lib/redis."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in REDIS.glob("*.conf"):
        text = path.read_text(encoding="utf-8")
        text = text.replace("/etc/redis", str(folder)).replace("/var/lib/redis", str(folder))
        (folder / path.name).write_text(text)
    (folder / "local.conf").write_text(local)
    users_file(folder, namespace, before_7_2=before_7_2)


def change(path: Path, lines: Mapping[str, str]) -> None:
    """Replace whole lines of a file, each of which must be there once."""
    found = path.read_text(encoding="utf-8").splitlines()
    for old, new in lines.items():
        assert found.count(old) == 1, f"{path.name} has not one line {old!r}"
        found[found.index(old)] = new
    path.write_text("\n".join(found) + "\n")


def follow(folder: Path, host: str, port: int) -> None:
    """The server of replica.conf in ``folder`` follows that primary."""
    theirs = "# replicaof redis-1.example.com 6379"
    change(folder / "replica.conf", {theirs: f"replicaof {host} {port}"})


@contextmanager
def serving(
    program: Path | str, conf: Path, client: redis.Redis, *options: str
) -> Iterator["subprocess.Popen[bytes]"]:
    """A server started with ``conf`` until the block ends; ``client`` has had an answer of it."""
    log = conf.with_suffix(".log")
    with log.open("wb") as out, client:
        process = subprocess.Popen(
            [str(program), str(conf), *options], cwd=conf.parent, stdout=out, stderr=out
        )
        try:
            _wait_for(process, client, log)
            yield process
        finally:
            process.kill()
            process.wait()


def _wait_for(process: "subprocess.Popen[bytes]", client: redis.Redis, log: Path) -> None:
    deadline = time.monotonic() + 20
    while True:
        assert process.poll() is None, f"it ended:\n{log.read_text()[-1500:]}"
        try:
            client.ping()
        except NOT_YET:
            assert time.monotonic() < deadline, f"no answer:\n{log.read_text()[-1500:]}"
            time.sleep(0.02)
        else:
            return
