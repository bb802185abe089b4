"""Each program works as the Redis user of its role, and is refused what is not its job."""

import random
import re
import subprocess
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import redis
import urllib3
from kombu.transport import redis as kombu_redis
from redbeat.schedulers import LUA_EXTEND_TO_SCRIPT
from redis.exceptions import NoPermissionError
from redis.lock import Lock

from avnu import keys
from avnu.app import QUEUES
from avnu.cli.run import PROGRAMS
from avnu.embedded import free_port
from avnu.settings import Settings
from avnu.shopify.topics import AREAS
from tests.conftest import PATIENT
from tests.support.acl import EVERYTHING, ROLES, login, password, users, users_file
from tests.support.command import runner
from tests.support.database import database_environ
from tests.support.deliveries import SECRET, Maker, Post
from tests.support.programs import Program, Receiver, Worker
from tests.support.runs import RUNS
from tests.support.servers import REDIS, VALKEY, Server
from tests.support.waiting import wait_until

NAMESPACE = "fault"
OF_THE_RECEIVER = ("accept", "flush")
_CALL = re.compile(r"call\('([A-Z]+)'")
_INCLUDE = re.compile(r"^--@include (\w+)$", re.MULTILINE)


def commands(script: str) -> set[str]:
    """Every command of a script and of the pieces it includes, in lower case."""
    path = resources.files("avnu.lua") / f"{script}.lua"
    if not path.is_file():  # the piece that is made while a script is rendered
        return set()
    text = path.read_text(encoding="utf-8")
    pieces = [commands(name) for name in _INCLUDE.findall(text)]
    return {name.lower() for name in _CALL.findall(text)}.union(*pieces)


def allowed(rules: str) -> set[str]:
    return {word[1:] for word in rules.split() if word.startswith("+")}


def test_whoever_runs_a_script_may_run_every_command_in_it() -> None:
    of = users(NAMESPACE)
    every = [
        path.name.removesuffix(".lua")
        for path in resources.files("avnu.lua").iterdir()
        if path.name.endswith(".lua")
    ]
    assert len(every) > 30
    worker, receiver = allowed(of["worker"]), allowed(of["receiver"])
    for script in every:
        assert commands(script) <= worker, (script, commands(script) - worker)
    for script in OF_THE_RECEIVER:
        assert commands(script), script
        assert commands(script) <= receiver, (script, commands(script) - receiver)


def test_scripts_of_celery_s_transport_and_locks_are_allowed_too() -> None:
    """Those of kombu 5.7, redis-py's lock and redbeat, which run seldom."""
    of_kombu: Any = kombu_redis  # its stubs do not know them
    kept = (of_kombu.REFRESH_BINDING, of_kombu.SWEEP_BINDINGS, Lock.LUA_RELEASE_SCRIPT)
    of = users(NAMESPACE)
    for role, scripts in {
        "worker": kept,
        "flower": kept,
        "beat": (Lock.LUA_RELEASE_SCRIPT, LUA_EXTEND_TO_SCRIPT),
    }.items():
        for script in scripts:
            used = {name.lower() for name in re.findall(r"call\(\s*'(\w+)'", script)}
            assert used, script
            assert used <= allowed(of[role]), (role, used - allowed(of[role]))


def test_the_receiver_reaches_the_inbox_but_kept_bodies_and_the_queues_of_all_areas() -> None:
    words = users(NAMESPACE)["receiver"].split()
    patterns = {word.removeprefix("~") for word in words if word.startswith("~")}
    of_workers = {"body", "searched"}
    for row in keys.INBOX_KEYS:
        name = f"{NAMESPACE}:{row.suffix}"
        known = bool(patterns & {name, f"{name}*"})
        assert known is (row.name not in of_workers), f"deploy/redis/users.sh: {row.name}"
    assert {f"{NAMESPACE}:{area}" for area in AREAS} <= patterns


@pytest.fixture(params=[VALKEY, REDIS])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    path = users_file(tmp_path, NAMESPACE, before_7_2=request.param == REDIS)
    extra = ["--aclfile", str(path), "--acllog-max-len", "1000"]
    with Server(tmp_path / "server", request.param, extra) as running:
        yield running


def as_user(server: Server, role: str) -> redis.Redis:
    return server.client(username=role, password=password(role))


def test_roles_are_refused_what_is_not_their_job(server: Server) -> None:
    refused: dict[str, list[tuple[Any, ...]]] = {
        "receiver": [
            ("PUBLISH", f"{NAMESPACE}:/1.celery.pidbox", "shutdown"),
            ("LPUSH", f"{NAMESPACE}:maintenance", "a task"),
            ("SADD", f"{NAMESPACE}:_kombu.binding.celery.pidbox", "me"),
            ("GET", "somebody:else"),
            ("GET", f"{NAMESPACE}:b:shop/id"),
            ("FLUSHALL",),
            ("SCAN", 0),
        ],
        "worker": [("CONFIG", "GET", "*"), ("FLUSHDB",), ("ACL", "LIST"), ("KEYS", "*")],
        "beat": [
            ("GET", f"{NAMESPACE}:w:shop/id"),
            ("RPOP", f"{NAMESPACE}:maintenance"),
            ("PUBLISH", f"{NAMESPACE}:/1.celery.pidbox", "shutdown"),
        ],
        "flower": [
            ("LRANGE", f"{NAMESPACE}:orders", 0, -1),
            ("BRPOP", f"{NAMESPACE}:orders", 1),
            ("DEL", f"{NAMESPACE}:orders"),
            ("DEL", f"{NAMESPACE}:maintenance"),
            ("HGET", f"{NAMESPACE}:unacked", "tag"),
            ("ZRANGE", f"{NAMESPACE}:unacked_index", 0, -1),
            ("DEL", f"{NAMESPACE}:unacked"),
            ("GET", f"{NAMESPACE}:w:shop/id"),
        ],
        "operator": [("CONFIG", "SET", "save", ""), ("FLUSHALL",), ("ACL", "LIST"), ("SHUTDOWN",)],
        "admin": [("GET", f"{NAMESPACE}:w:shop/id"), ("FLUSHALL",), ("ACL", "SETUSER", "me")],
        "metrics": [("GET", f"{NAMESPACE}:w:shop/id"), ("SCAN", 0), ("SLOWLOG", "GET")],
    }
    for role, asked in refused.items():
        with as_user(server, role) as client:
            assert client.ping() is True
            for command in asked:
                with pytest.raises(NoPermissionError):
                    client.execute_command(*command)
    with server.client() as nobody, pytest.raises(redis.AuthenticationError):
        nobody.ping()


def test_flower_sees_how_long_each_queue_is(server: Server) -> None:
    with as_user(server, EVERYTHING) as client, as_user(server, "flower") as flower:
        for name in QUEUES:
            client.lpush(f"{NAMESPACE}:{name}", "a message")
            assert flower.llen(f"{NAMESPACE}:{name}") == 1


def test_an_admin_may_change_settings_and_users(server: Server, tmp_path: Path) -> None:
    with as_user(server, "admin") as admin:
        assert admin.config_set("maxmemory", "64mb") is True
        path = tmp_path / "users.acl"
        path.write_text(path.read_text().replace("user metrics on", "user metrics off"))
        assert admin.acl_load() is True
    with as_user(server, "metrics") as metrics, pytest.raises(redis.AuthenticationError):
        metrics.ping()
    with as_user(server, EVERYTHING) as client:
        found: Any = client.config_get("maxmemory")
        assert found["maxmemory"] in {b"67108864", "67108864"}


def test_each_version_gets_the_words_that_it_knows() -> None:
    newest, of_7_0, of_6_2 = (
        " ".join(users(NAMESPACE, *options).values())
        for options in ((), ("--before-7.2",), ("--before-7.0",))
    )
    assert "+waitaof" in newest
    assert "+waitaof" not in of_7_0
    assert f"%R~{NAMESPACE}:orders" in of_7_0
    assert "%" not in of_6_2
    assert f" ~{NAMESPACE}:maintenance" in of_6_2
    with pytest.raises(subprocess.CalledProcessError):
        users(NAMESPACE, "--before-7")


def refusals(server: Server) -> set[tuple[str, str, str]]:
    """Who was refused what: user, from where, command or key."""
    with as_user(server, EVERYTHING) as admin:
        log: Any = admin.acl_log()
        return {(one["username"], one["context"], one["object"]) for one in log}


def test_an_operator_may_do_what_the_command_line_does(server: Server, tmp_path: Path) -> None:
    environ = {
        **server.environ(), **PATIENT, **login("operator"), **database_environ(tmp_path)
    }  # fmt: skip
    avnu = runner({**environ, "AVNU_NAMESPACE": NAMESPACE, "SHOPIFY_API_SECRET": SECRET.decode()})
    for command in (
        "status", "redis", "webhooks list", "dead list", "breaker list", "cache stats",
        "queues pause area orders", "queues resume area orders",
    ):  # fmt: skip
        result = avnu(*command.split())
        assert result.exit_code == 0, (command, result.stderr)
    avnu("doctor")  # it misses a worker, and tells
    assert not refusals(server)


class Started(Program):
    """A program as `avnu run` starts it; ready when its log holds ``sign``."""

    def __init__(self, name: str, folder: Path, environ: Mapping[str, str], sign: str) -> None:
        super().__init__(name, folder, environ)
        self._sign = sign

    def command(self) -> list[str]:
        return PROGRAMS[self.name](Settings.load(self.environ))[2:]

    def ready(self) -> bool:
        return self._sign in self.log


@pytest.mark.timeout(180)
@pytest.mark.parametrize("server", [VALKEY], indirect=True)
def test_every_program_works_as_its_user(server: Server, tmp_path: Path) -> None:
    around = {
        **server.environ(),
        **PATIENT,
        **database_environ(tmp_path),
        "AVNU_NAMESPACE": NAMESPACE,
        "SHOPIFY_API_SECRET": SECRET.decode(),
        "QUEUE_BACKOFF_DELAY": "200",
        "QUEUE_CONCURRENCY": "2",
        "RECONCILE_EVERY_SECONDS": "1",
        "FLOWER_PORT": str(free_port()),
    }

    def environ(role: str) -> dict[str, str]:
        settings = Settings.load({**around, **login(role)})
        return {**settings.to_environ(), RUNS: str(tmp_path / "runs")}

    receiver = Receiver("receiver", tmp_path, environ("receiver"))
    worker = Worker("worker", tmp_path, environ("worker"))
    # Each has done something at Redis when it says so.
    beat = Started("beat", tmp_path, environ("beat"), "Sending due task")
    flower = Started("flower", tmp_path, environ("flower"), "Connected to redis")
    every = (receiver, worker, beat, flower)
    with receiver, worker, beat, flower:
        for program in every:
            program.launch()
        for program in every:
            program.wait_ready()
        maker = Maker(random.Random(1))
        sent = [*maker.some(60), maker.make(do="raise")]
        assert Post(receiver.url).send(sent) == sent
        for path in ("/metrics", "/readyz"):
            assert urllib3.request("GET", receiver.url + path).status == 200
        # It asks the workers, and for the length of each queue.
        for path in ("/workers?refresh=1", "/broker"):
            page = urllib3.request("GET", f"http://127.0.0.1:{around['FLOWER_PORT']}{path}")
            assert page.status == 200
        with as_user(server, EVERYTHING) as admin:
            admin.select(2)
            dead = f"{NAMESPACE}:dead"
            wait_until(lambda: admin.zcard(dead) == 1, 30, "three runs of the one that fails")

            def settled() -> bool:
                counts: Any = admin.hgetall(f"{NAMESPACE}:counts")
                done = sum(int(n) for name, n in counts.items() if name.startswith(b"done"))
                return done == len(sent) - 1

            wait_until(settled, 30, "everything else is done")
        # Also what a program does at its end.
        for program in every:
            program.stop()
        assert not refusals(server)


def test_the_users_are_the_roles() -> None:
    assert set(users(NAMESPACE)) == {"default", *ROLES}
