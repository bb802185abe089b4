"""``avnu up``: real processes, started, used, ended in every way, and nothing left behind."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from avnu.embedded import free_port
from avnu.settings import ROWS, Settings
from tests.support.command import AVNU, marked, runner, start, told
from tests.support.inbox import open_inbox
from tests.support.waiting import wait_until

UP_S = 40.0
DOWN_S = 40.0


class Up:
    """One ``avnu up`` in a folder of its own, with its data in ``.avnu``."""

    def __init__(self, folder: Path, environ: Mapping[str, str], *options: str) -> None:
        self.folder = folder
        self.mark = uuid.uuid4().hex
        self.port = int(environ["AVNU_PORT"])
        self.out: bytes = b""
        self.err: bytes = b""
        # A session of its own, so that the group can be sent what a terminal sends.
        command = ["up", *(options or ["--no-flower"])]
        self.process = start(command, environ, folder, self.mark, start_new_session=True)

    def wait_until_up(self) -> None:
        wait_until(self._ready, UP_S, "the receiver was ready")
        wait_until(self._ticks, UP_S, "a worker was up")

    def ask(self, *arguments: str) -> Any:
        """What a command says that finds this one by its file."""
        done = subprocess.run(
            [AVNU, "--env-file", ".avnu/env", *arguments, "--json"],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            check=False,
        )
        return json.loads(done.stdout) if done.returncode == 0 else None

    def look(self, *arguments: str) -> Any:
        """The same from this process: what is asked again and again should not cost a start."""
        # What the command reads from the file ends with it, or the next one would find this up.
        nothing: dict[str, str | None] = dict.fromkeys(row.name for row in ROWS)
        env = str(self.folder / ".avnu" / "env")
        result = runner(nothing)("--env-file", env, *arguments, "--json")
        return told(result) if result.exit_code == 0 else None

    def end(self, number: signal.Signals) -> int:
        """As a terminal (the whole group) or a supervisor (the process) would."""
        if number == signal.SIGINT:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        self.out, self.err = self.process.communicate(timeout=DOWN_S)
        return self.process.returncode

    def child(self, *words: str) -> psutil.Process:
        """The main process of one of the programs."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        found = [one for one in family if all(word in one.cmdline() for word in words)]
        return min(found, key=lambda one: one.create_time())

    def _ready(self) -> bool:
        assert self.process.poll() is None, self.process.communicate()
        with contextlib.suppress(OSError):
            url = f"http://127.0.0.1:{self.port}/readyz"
            return bool(urllib.request.urlopen(url, timeout=2).status == 200)
        return False

    def _ticks(self) -> bool:
        state = self.look("status")
        return bool(state and state["workers_up"])


@pytest.fixture
def environ() -> dict[str, str]:
    """Ports of this test alone; nothing else is set, as for somebody who just cloned it."""
    return {name: str(free_port()) for name in ("AVNU_PORT", "REDIS_PORT", "FLOWER_PORT")}


@contextlib.contextmanager
def running(folder: Path, environ: Mapping[str, str], *options: str) -> Iterator[Up]:
    up = Up(folder, environ, *options)
    try:
        yield up
    finally:
        if up.process.poll() is None:
            up.end(signal.SIGTERM)
    wait_until(lambda: not marked(up.mark), 20, f"nothing was left of it: {marked(up.mark)}")


@pytest.mark.timeout(240)
def test_a_webhook_goes_through_and_ctrl_c_ends_all(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    # On a busy machine a minute passes, and with it comes what the first comparison has found.
    environ["RECONCILE_EVERY_SECONDS"] = "3600"
    with running(tmp_path, environ, "--flower") as up:
        up.wait_until_up()
        wait_until(lambda: shows_workers(environ["FLOWER_PORT"]), UP_S, "Flower knows the worker")
        answer = up.ask("simulate", "trigger", "products/update", "--shop", "a-b.myshopify.com")
        assert answer["answer"] == 200

        wait_until(lambda: settled(up) == {answer["webhook_id"]}, 30, "the webhook was settled")
        assert up.ask("sandbox", "report")["calls"] == 1, "its handler has called the sandbox"
        assert up.end(signal.SIGINT) == 0
        assert marked(up.mark) == []
    data = tmp_path / ".avnu"
    text = (data / "env").read_text()
    secret = text.partition("SHOPIFY_API_SECRET=")[2].partition("\n")[0]
    assert len(secret) == 64
    assert secret.encode() not in up.out + up.err
    assert b"SHOPIFY_API_SECRET and TOKEN_ENCRYPTION_KEYS not set" in up.err
    assert f"REDIS_PORT={environ['REDIS_PORT']}" in text
    assert (data / "env").stat().st_mode & 0o777 == 0o600
    assert data.stat().st_mode & 0o777 == 0o700
    assert b"worker   | " in up.out
    assert b"Traceback" not in up.out + up.err
    with running(tmp_path, environ) as again:
        # The data is still there, and so are the secrets.
        again.wait_until_up()
        assert again.ask("webhooks", "list")[0]["webhook_id"] == answer["webhook_id"]
        assert (data / "env").read_text() == text
        # The shop's token too: it was not installed again.
        another = again.ask("simulate", "trigger", "orders/edited", "--shop", "a-b.myshopify.com")
        both = {answer["webhook_id"], another["webhook_id"]}
        wait_until(lambda: settled(again) == both, 30, "another webhook was settled")
        report = again.ask("sandbox", "report")
        assert (report["answered"], report["token_exchanges"]) == ({"ok": 1}, {})
        assert again.end(signal.SIGTERM) == 0


def shows_workers(port: str) -> bool:
    with contextlib.suppress(OSError):
        url = f"http://127.0.0.1:{port}/workers?json=1"
        return bool(json.load(urllib.request.urlopen(url, timeout=2))["data"])
    return False


def settled(up: Up) -> set[str]:
    found = up.look("webhooks", "list", "--shop", "a-b", "--state", "done")
    return {one["webhook_id"] for one in found or ()}


@pytest.mark.parametrize(
    "words",
    [
        ("worker",),
        ("webhooks.asgi:app",),
        # Nothing stands on it, so that it shows no more than the receiver does.
        pytest.param(("beat",), marks=pytest.mark.soak),
    ],
)
def test_when_one_dies_all_end_with_an_error(
    tmp_path: Path, environ: dict[str, str], words: tuple[str, ...]
) -> None:
    with running(tmp_path, environ) as up:
        up.wait_until_up()
        up.child(*words).kill()
        assert up.wait() == 1
        assert b"one of the programs ended by itself" in up.err
        assert up.err.splitlines()[-1].startswith(b"avnu: ")


def test_when_the_embedded_server_dies_all_end_with_an_error(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    with running(tmp_path, environ) as up:
        up.wait_until_up()
        next(
            one for one in psutil.Process(up.process.pid).children() if "valkey" in one.cmdline()[0]
        ).kill()
        assert up.wait() == 1
        assert b"the embedded server ended by itself" in up.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_early_end_leaves_nothing(
    tmp_path: Path, environ: dict[str, str], number: signal.Signals
) -> None:
    """As soon as the first program is there, the others may not be."""
    with running(tmp_path, environ) as up:
        wait_until(lambda: len(marked(up.mark)) > 2, UP_S, "the first program was started")
        assert up.end(number) == 0
        assert marked(up.mark) == []


def test_a_redis_of_ones_own(tmp_path: Path, environ: dict[str, str], settings: Settings) -> None:
    own = settings.to_environ() | {"AVNU_PORT": environ["AVNU_PORT"]}
    with running(tmp_path, own) as up:
        wait_until(up._ready, UP_S, "the receiver was ready")
        wait_until(lambda: open_inbox(settings).tick().early, UP_S, "a worker ticked")
        assert not any("valkey" in " ".join(command) for command in marked(up.mark))
        assert up.end(signal.SIGINT) == 0
    assert "REDIS_HOST" not in (tmp_path / ".avnu" / "env").read_text()
    assert b"SHOPIFY_API_SECRET" not in up.err


def test_a_port_in_use(tmp_path: Path, environ: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", int(environ["AVNU_PORT"]))):
        with running(tmp_path, environ) as up:
            assert up.wait() == 1
        assert f"port {environ['AVNU_PORT']} of 127.0.0.1 is in use".encode() in up.err
        assert b"set AVNU_PORT" in up.err
        assert len(up.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_an_address_of_another_machine(tmp_path: Path, environ: dict[str, str]) -> None:
    with running(tmp_path, environ | {"AVNU_HOST": "192.0.2.1"}) as up:
        assert up.wait() == 1
    assert b"cannot listen on 192.0.2.1" in up.err


def test_a_ctrl_c_that_comes_in_a_finaliser_is_obeyed() -> None:
    """Python drops what is raised there; without a second interrupt the command would go on."""
    program = """
import os, signal, time
from avnu.cli.programs import end_like_ctrl_c

class Kept:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0)

end_like_ctrl_c()
kept = Kept()
try:
    del kept
    print("dropped")
    time.sleep(60)
except KeyboardInterrupt:
    print("obeyed")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=30, check=True
    )
    assert done.stdout.split() == [b"dropped", b"obeyed"]
    assert done.stderr == b""


def test_the_embedded_server_finds_another_port(tmp_path: Path, environ: dict[str, str]) -> None:
    with (
        socket.create_server(("127.0.0.1", int(environ["REDIS_PORT"]))),
        running(tmp_path, environ) as up,
    ):
        wait_until((tmp_path / ".avnu" / "env").exists, UP_S, "it had started")
        assert up.end(signal.SIGINT) == 0
    assert b"is in use, so the embedded server takes another" in up.err
    assert f"REDIS_PORT={environ['REDIS_PORT']}\n" not in (tmp_path / ".avnu" / "env").read_text()
