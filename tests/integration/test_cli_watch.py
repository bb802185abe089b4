"""``avnu status --watch`` on a real terminal, by a pty; and the longest lines it shows."""

import fcntl
import os
import select
import struct
import subprocess
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from avnu.inbox import Inbox
from avnu.inbox.longest import Line, longest_lines
from avnu.settings import Settings
from tests.support.command import AVNU, Run
from tests.support.inbox import DONE, accept, begin, open_inbox, parkings, settle
from tests.support.servers import Server
from tests.support.waiting import wait_until

pytest_plugins = ("tests.support.command_fixtures",)

CTRL_C = b"\x03"
ENTER_SCREEN, LEAVE_SCREEN = b"\x1b[?1049h", b"\x1b[?1049l"
SHOW_CURSOR = b"\x1b[?25h"


@pytest.fixture
def inbox(settings: Settings) -> Iterator[Inbox]:
    opened = open_inbox(settings)
    yield opened
    opened.client.close()


class Terminal:
    """``avnu status --watch`` with a terminal of its own, 40 lines of 120 characters."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))

        def take_terminal() -> None:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            [AVNU, "status", "--watch"], stdin=theirs, stdout=theirs, stderr=theirs,
            env={"PATH": os.environ["PATH"], "TERM": "xterm", **settings.to_environ()},
            cwd=folder, start_new_session=True,
            preexec_fn=take_terminal,  # noqa: PLW1509 - one call of the system, no lock
        )  # fmt: skip
        os.close(theirs)
        self.written = b""

    def read(self) -> bytes:
        """All that was written so far."""
        while select.select([self._ours], [], [], 0)[0]:
            try:
                self.written += os.read(self._ours, 65536)
            except OSError:  # nobody has the other end any more
                break
        return self.written

    def shows(self, text: bytes) -> None:
        """Wait until something is on the screen that was not there when this was called."""
        begun = len(self.read())
        wait_until(lambda: text in self.read()[begun:], 20, f"{text!r} is on the screen")

    def press(self, key: bytes) -> None:
        os.write(self._ours, key)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)


@contextmanager
def watching(settings: Settings, folder: Path) -> Iterator[Terminal]:
    opened = Terminal(settings, folder)
    try:
        yield opened
    finally:
        opened.close()


def test_a_screen_that_follows_and_ends_with_ctrl_c(
    settings: Settings, tmp_path: Path, inbox: Inbox
) -> None:
    accept(inbox, *range(7), shop="busy")
    with watching(settings, tmp_path) as terminal:
        terminal.shows(b"busy.myshopify.com")
        assert ENTER_SCREEN in terminal.written
        terminal.shows(b"no worker is up")
        holder, _ = begin(inbox, "busy")
        settle(holder, *[DONE] * 7, park=parkings("busy", "frozen"))
        inbox.tick()
        terminal.shows(b"frozen 1")
        terminal.press(CTRL_C)
        assert terminal.process.wait(20) == 0
        written = terminal.read()
    assert LEAVE_SCREEN in written
    assert SHOW_CURSOR in written
    assert b"Traceback" not in written


def test_redis_away_for_a_while_is_shown_and_outlived(tmp_path: Path) -> None:
    with Server(tmp_path / "server") as server:
        settings = Settings.load({**server.environ(), "REDIS_SOCKET_TIMEOUT_MS": "1000"})
        with watching(settings, tmp_path) as terminal:
            terminal.shows(b"no worker is up")
            server.freeze()
            terminal.shows(b"cannot be reached, shown as it was")
            server.thaw()
            wait_until(lambda: is_of_now(terminal), 20, "the screen is of now again")
            assert terminal.process.poll() is None


def is_of_now(terminal: Terminal) -> bool:
    last = terminal.read().rpartition(b"every second")[2]
    return b"received/s" in last and b"cannot be reached" not in last


def test_without_a_terminal_it_refuses_with_a_hint(avnu: Run) -> None:
    result = avnu("status", "--watch")
    assert result.exit_code == 2
    assert "--json" in result.stderr
    assert avnu("status", "--watch", "--json").exit_code == 2


def test_the_longest_lines(inbox: Inbox) -> None:
    accept(inbox, *range(3), shop="three")
    accept(inbox, *range(5), shop="five", topic="products/update", area="products")
    accept(inbox, "one", shop="one")
    assert longest_lines(inbox, 2) == [
        Line("products", "five.myshopify.com", 5, "ready"),
        Line("orders", "three.myshopify.com", 3, "ready"),
    ]
