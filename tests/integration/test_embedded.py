"""The embedded server: its data survives, its folder is its own, and it ends with its parent."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import redis

from avnu.embedded import EmbeddedServer, free_port
from avnu.errors import EmbeddedFailed
from tests.support.servers import REDIS, VALKEY, Server
from tests.support.waiting import wait_until

PARENT = """
import sys, time
from avnu.embedded import EmbeddedServer
server = EmbeddedServer(sys.argv[1])
print(server.start()[1], server.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture(params=[VALKEY, REDIS])
def own(request: pytest.FixtureRequest, tmp_path: Path) -> Server:
    return Server(tmp_path / "own", kind=request.param)


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_it_takes_a_free_port_and_keeps_it(own: Server) -> None:
    with own:
        port = own.port
        assert port > 0
        own.restart()
        assert own.port == port


def test_what_was_answered_survives_a_kill(own: Server) -> None:
    with own:
        with own.client(2) as client:
            for number in range(500):
                client.rpush("list", number)
        own.kill()
        assert own.pid is None
        own.start()
        with own.client(2) as client:
            assert client.llen("list") == 500


def test_it_listens_on_loopback_alone_and_keeps_an_append_only_file(own: Server) -> None:
    with own, own.client() as client:
        assert client.config_get("bind") == {"bind": "127.0.0.1"}
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert client.config_get("appendfsync") == {"appendfsync": "everysec"}
        assert client.config_get("save") == {"save": ""}
        assert client.info("memory")["maxmemory_policy"] == "noeviction"


def test_a_folder_has_one_server_at_a_time(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as first:
        with pytest.raises(EmbeddedFailed, match="another server runs"):
            EmbeddedServer(tmp_path).start()
        assert first.running
    with EmbeddedServer(tmp_path) as second:
        assert second.running


def test_a_folder_stays_claimed_while_an_orphan_runs(tmp_path: Path) -> None:
    """The claim is the server's, not its starter's."""
    first = EmbeddedServer(tmp_path)
    first.start()
    process = first._process
    first._process = None  # the starter forgets it
    try:
        with pytest.raises(EmbeddedFailed, match="another server runs"):
            EmbeddedServer(tmp_path).start()
    finally:
        assert process is not None
        process.kill()
        process.wait()
    with EmbeddedServer(tmp_path):
        pass


def test_a_taken_port_is_told_with_the_server_s_own_words(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "first") as first:
        second = EmbeddedServer(tmp_path / "second", port=first.port)
        with pytest.raises(EmbeddedFailed, match=r"(?s)did not start.*port"):
            second.start()
        assert not second.running


def test_another_port_is_tried_when_a_free_one_was_taken_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with EmbeddedServer(tmp_path / "first") as first:
        offered = iter([first.port, first.port, *(free_port() for _ in range(3))])
        monkeypatch.setattr("avnu.embedded.free_port", lambda: next(offered))
        with EmbeddedServer(tmp_path / "second") as second:
            assert second.port != first.port


def test_bad_arguments_are_told(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedFailed, match="no-such-directive"):
        EmbeddedServer(tmp_path, extra=["--no-such-directive", "1"]).start()


def test_stop_ends_even_a_frozen_server(own: Server) -> None:
    own.start()
    pid = own.pid
    assert pid is not None
    own.freeze()
    own.stop()
    assert gone(pid)
    own.stop()  # once more is harmless


def test_freeze_is_silence_and_thaw_goes_on(own: Server) -> None:
    with own:
        own.freeze()
        with own.client(timeout_s=0.2) as client, pytest.raises(redis.TimeoutError):
            client.ping()
        own.thaw()
        with own.client() as client:
            assert client.ping()


@pytest.mark.skipif(sys.platform != "linux", reason="parent-death signals are Linux's")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_with_its_parent(tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        port, pid = map(int, parent.stdout.readline().split())
        with redis.Redis(port=port) as client:
            client.set("key", "kept")
        parent.send_signal(number)
    wait_until(lambda: gone(pid), 20, "the server ended with its parent")
    with EmbeddedServer(tmp_path) as again, redis.Redis(port=again.port) as client:
        assert client.get("key") == b"kept"


def test_ctrl_c_does_not_reach_it(tmp_path: Path) -> None:
    """Ctrl-C goes to the terminal's foreground group, and workers still need the server then."""
    with EmbeddedServer(tmp_path) as server:
        assert server.pid is not None
        assert os.getpgid(server.pid) != os.getpgid(0)


def test_it_starts_fast(tmp_path: Path) -> None:
    started = time.monotonic()
    with EmbeddedServer(tmp_path):
        assert time.monotonic() - started < 10
