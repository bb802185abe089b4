"""`avnu run`: the process becomes the program, and ends as systemd and containers ask it to."""

import os
import signal
import uuid
from pathlib import Path

import psutil
import pytest
import urllib3

from avnu.cli import programs
from avnu.embedded import free_port
from avnu.settings import Settings
from tests.support.command import runner, start
from tests.support.waiting import wait_until


def answers(port: int) -> bool:
    try:
        return (
            urllib3.request("GET", f"http://127.0.0.1:{port}/healthz", retries=False).status == 200
        )
    except urllib3.exceptions.HTTPError:
        return False


def test_the_process_itself_is_the_receiver_and_ends_at_sigterm(
    settings: Settings, tmp_path: Path
) -> None:
    port = free_port()
    environ = {**settings.to_environ(), "AVNU_PORT": str(port)}
    with start(["run", "receiver"], environ, tmp_path, uuid.uuid4().hex) as process:
        try:
            wait_until(lambda: answers(port), 30, "the receiver answers")
            assert "webhooks.asgi:app" in psutil.Process(process.pid).cmdline()
            os.kill(process.pid, signal.SIGTERM)
            process.communicate(timeout=40)
        finally:
            process.kill()
    assert process.returncode == -signal.SIGTERM  # what systemd takes for an end in order
    assert not answers(port)


def test_wrong_settings_end_it_with_2_before_anything_starts(settings: Settings) -> None:
    result = runner({**settings.to_environ(), "REDIS_PORT": "many"})("run", "worker")
    assert result.exit_code == 2
    assert "REDIS_PORT" in result.stderr


def test_options_reach_the_program(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    become: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _, command: become.append(command))
    result = runner(settings.to_environ())("run", "worker", "-Q", "orders", "--help")
    assert result.exit_code == 0
    assert become == [[*programs.worker(settings), "-Q", "orders", "--help"]]
