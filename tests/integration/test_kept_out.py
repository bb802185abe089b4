"""Redis keeps Avnu out: each program says why at its start, the doctor too; no secret is shown."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import Result

from avnu.connections import Connections
from avnu.embedded import free_port
from avnu.errors import UnsupportedServer
from avnu.settings import Settings
from avnu.start_check import check_consuming, check_scripts, check_start, refusal
from tests.conftest import API_SECRET
from tests.support.acl import EVERYTHING, login, password, users_file
from tests.support.certificates import Authority
from tests.support.command import runner, told
from tests.support.database import database_environ
from tests.support.programs import ROOT, Receiver, Worker
from tests.support.servers import REDIS, VALKEY, Server
from tests.support.trio import Trio
from tests.support.waiting import wait_until
from webhooks.receiver import compose

NAMESPACE = "kept"
WRONG = "a-password-that-nobody-has"


class Place(NamedTuple):
    """A server with TLS and users, and what a worker needs to work with it."""

    server: Server
    folder: Path
    environ: dict[str, str]

    def of(self, fault: str) -> dict[str, str]:
        """The variables of somebody with that fault; the missing right is taken away."""
        if fault == "a wrong password":
            return self.environ | {"REDIS_PASSWORD": WRONG}
        if fault == "another's CA":
            other = Authority(self.folder, "other")
            return self.environ | {"REDIS_TLS_CA_FILE": str(other.path)}
        if fault == "an expired certificate":
            self.tls("--tls-cert-file", "localhost-1.pem", "--tls-key-file", "localhost-1.key")
        if fault == "a missing right":
            self.admin("ACL", "SETUSER", "worker", "-evalsha")
        return self.environ

    def tick(self) -> None:
        """As a worker that still has every right: it is taken for up for some seconds."""
        made = compose(Settings.load({**self.environ, **login(EVERYTHING)}))
        made.inbox.tick()
        made.connections.close()

    def tls(self, *pairs: str) -> None:
        given = [f"{self.folder}/{one}" if "." in one else one[2:] for one in pairs]
        self.admin("CONFIG", "SET", *given)

    def admin(self, *command: str) -> None:
        with self.server.client(username=EVERYTHING, password=password(EVERYTHING)) as client:
            client.execute_command(*command)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    users, port, ours = users_file(tmp_path, NAMESPACE, before_7_2=True), free_port(), "ours"
    authority = Authority(tmp_path, ours)
    authority.issue("localhost", days=-1)
    tls = ["--tls-port", str(port), *authority.issue("localhost"), "--aclfile", str(users)]
    with Server(tmp_path / "server", REDIS, tls) as server:
        environ = {
            "REDIS_HOST": "localhost",
            "REDIS_PORT": str(port),
            "REDIS_TLS_ENABLED": "true",
            "REDIS_TLS_CA_FILE": str(authority.path),
            "AVNU_NAMESPACE": NAMESPACE,
            "SHOPIFY_API_SECRET": API_SECRET,
            **login("worker"),
            **database_environ(tmp_path),
        }
        yield Place(server, tmp_path, environ)


UNREACHED = {"inbox database 2", "queue database 1", "cache database 0"}
FAULTS = {
    "a wrong password": "Redis does not let us in (invalid username-password pair",
    "a missing right": "the Redis user lacks a right (",
    "another's CA": "the certificate of Redis is not to be trusted (",
    "an expired certificate": "certificate has expired",
}


def test_who_is_let_in_starts(place: Place) -> None:
    made = compose(Settings.load(place.environ))
    check_start(made.connections, made.inbox)
    made.connections.close()


def failed(doctor: Result) -> dict[str, dict[str, str]]:
    """What the doctor says of the checks that failed, by name."""
    return {one["name"]: one for one in told(doctor)["checks"] if one["state"] == "failed"}


@pytest.mark.parametrize("fault", FAULTS)
def test_it_is_said_at_start_and_by_the_doctor(place: Place, fault: str) -> None:
    environ = place.of(fault)
    with pytest.raises(UnsupportedServer) as refused:
        compose(Settings.load(environ))
    assert FAULTS[fault] in str(refused.value)
    what, _, todo = str(refused.value).partition("\n")[2].strip().rpartition("; ")
    avnu = runner(environ)
    doctor = avnu("doctor", "--json")
    assert doctor.exit_code == 1
    found = failed(doctor)
    if fault == "a missing right":
        assert set(found) == {*(f"rights in {name}" for name in UNREACHED), "workers"}
        for name in UNREACHED:
            check = found[f"rights in {name}"]
            assert (check["found"], check["todo"]) == (what, todo)
    else:
        assert set(found) == UNREACHED
        assert {check["todo"] for check in found.values()} == {f"{what}; {todo}"}
    status = avnu("status")
    assert status.exit_code == (0 if fault == "a missing right" else 5)  # it runs no script
    for said in (str(refused.value), doctor.output, status.output):
        assert "Traceback" not in said
        for secret in (WRONG, password("worker"), API_SECRET):
            assert secret not in said


def test_with_a_worker_up_the_doctor_fails_by_the_missing_right_alone(place: Place) -> None:
    doctor = runner(place.environ)
    place.tick()
    assert doctor("doctor").exit_code == 0
    place.admin("ACL", "SETUSER", "worker", "-evalsha")
    place.tick()
    refused = doctor("doctor", "--json")
    assert refused.exit_code == 1
    assert set(failed(refused)) == {f"rights in {name}" for name in UNREACHED}


@pytest.mark.parametrize("right", ["hset", "info", "scan"])
def test_the_doctor_says_which_right_is_missing(place: Place, right: str) -> None:
    """Of a script's own command, of one without which nothing is known, and of the accounts'."""
    place.admin("ACL", "SETUSER", "worker", f"-{right}")
    place.tick()
    found = failed(runner(place.environ)("doctor", "--json"))
    names = {
        "hset": {f"rights in {name}" for name in UNREACHED},
        "info": UNREACHED,
        "scan": {"accounts"},
    }
    assert set(found) == names[right]
    for check in found.values():
        assert "the Redis user lacks a right (" in check["found"] + check["todo"]
        assert check["todo"].endswith("give it what deploy/redis/users.acl says")


@pytest.mark.parametrize("kind", [REDIS, VALKEY])
def test_what_a_script_lacks_is_known_on_each_server(tmp_path: Path, kind: str) -> None:
    with Server(tmp_path, kind) as server, server.client() as client:
        check_scripts(client, "probe")
        client.execute_command("ACL", "SETUSER", "one", "on", ">word", "~*", "+@all", "-hset")
        client.execute_command("ACL", "SETUSER", "two", "on", ">word", "~others", "+@all")
        for user in ("one", "two"):
            with (
                server.client(username=user, password="word") as limited,
                pytest.raises(UnsupportedServer, match="the Redis user lacks a right"),
            ):
                check_scripts(limited, "probe")
        assert client.keys() == []


def test_a_program_ends_at_its_start_when_its_scripts_lack_a_right(place: Place) -> None:
    """What a script lacks is told by other words than what its caller lacks."""
    place.admin("ACL", "SETUSER", "worker", "-hset")
    with pytest.raises(UnsupportedServer, match="the Redis user lacks a right"):
        compose(Settings.load(place.environ))


def test_a_worker_that_may_take_no_message_ends_at_its_start(place: Place) -> None:
    made = compose(Settings.load(place.environ))
    check_consuming(made.connections, made.inbox)
    place.admin("ACL", "SETUSER", "worker", "-brpop")
    check_start(made.connections, made.inbox)
    with pytest.raises(UnsupportedServer, match="brpop"):
        check_consuming(made.connections, made.inbox)
    made.connections.close()


def test_receiver_and_worker_end_with_the_sentence(place: Place) -> None:
    fault = "a wrong password"
    environ = Settings.load(place.of(fault)).to_environ()
    programs = (
        Receiver("receiver", place.folder, environ),
        Worker("worker", place.folder, environ, options=("--concurrency", "1")),
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-m", *program.command()],
            cwd=ROOT, env=program.environ,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for program in programs
    ]  # fmt: skip
    for process in started:
        said, _ = process.communicate(timeout=60)
        assert process.returncode not in {0, None}
        assert FAULTS[fault] in said
        assert "Traceback" not in said
        assert WRONG not in said


def test_sentinels_that_let_nobody_in_are_told_from_sentinels_that_are_away(
    tmp_path: Path,
) -> None:
    trio = Trio(tmp_path / "trio", NAMESPACE)
    environ = {**trio.environ(), "REDIS_SENTINEL_PASSWORD": WRONG}
    connections = Connections(Settings.load(environ))
    sentinel = trio.sentinels[0]

    def fault() -> BaseException:
        with pytest.raises(Exception, match="No master found") as raised:
            connections.inbox().ping()
        return raised.value

    assert refusal(fault()) is None
    sentinel.start()
    try:
        reason = wait_until(lambda: refusal(fault()) or "", 20, "the Sentinel refuses")
        assert "REDIS_SENTINEL_PASSWORD" in reason
        assert WRONG not in reason
    finally:
        trio.kill()
        connections.close()
