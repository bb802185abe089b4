"""A PostgreSQL server of the tests' own: started in a new folder, gone with the test process."""

import itertools
import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from avnu.embedded import free_port
from avnu.secret import Secret
from tests.support.require import require
from tests.support.waiting import wait_until

# Debian keeps the programs of each version to itself.
_FOLDERS = ":".join(
    str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
)
# The server ends when its stdin does: also when the tests are killed. QUIT is the quickest end,
# and nobody wants the data.
_LEASH = 'postgres="$1"; shift; "$postgres" "$@" & child=$!; read -r _; kill -QUIT $child; wait'


class Postgres:
    """One server on loopback, with a password. It refuses to run as root, so root lends a user."""

    def __init__(self) -> None:
        self._programs = Path(require("postgres", _FOLDERS)).resolve().parent
        self.password = secrets.token_hex(8)
        self.port = free_port()
        self._numbers = itertools.count(1)

    def start(self) -> None:
        # Not below pytest's folder, which only its owner may enter.
        self._folder = Path(tempfile.mkdtemp(prefix="avnu-postgres-"))
        password = self._folder / "password"
        password.write_text(self.password)
        self._user = None
        if os.geteuid() == 0:
            self._user = "postgres"
            for path in (self._folder, password):
                shutil.chown(path, "postgres")
        data = self._folder / "data"
        subprocess.run(
            [
                self._programs / "initdb", "--pgdata", data, "--username", "avnu",
                "--auth", "scram-sha-256", "--pwfile", password, "--no-locale",
                "--encoding", "UTF8", "--no-sync",
            ],
            check=True, capture_output=True, user=self._user, cwd=self._folder,
        )  # fmt: skip
        self._log = (self._folder / "log").open("wb")
        self._process = subprocess.Popen(
            [
                "/bin/sh", "-c", _LEASH, "sh", self._programs / "postgres", "-D", data,
                "-h", "127.0.0.1", "-p", str(self.port), "-k", self._folder, "-F",
            ],
            stdin=subprocess.PIPE, stdout=self._log, stderr=self._log,
            user=self._user, cwd=self._folder, start_new_session=True,
        )  # fmt: skip
        wait_until(self._answers, 30, "PostgreSQL answers")

    def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(20)
        self._log.close()
        shutil.rmtree(self._folder)

    def database(self) -> Secret:
        """The address of a new, empty database."""
        name = f"test_{next(self._numbers)}"
        with self._connect() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return Secret(f"postgresql://avnu:{self.password}@127.0.0.1:{self.port}/{name}")

    def _connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="avnu", password=self.password,
            dbname="postgres", autocommit=True, connect_timeout=5,
        )  # fmt: skip

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self._folder / "log").read_text()
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

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
