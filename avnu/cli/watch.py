"""``avnu status --watch``: the screen, drawn anew every second until Ctrl-C."""

import sys

import click
from rich.live import Live

from avnu.cli.output import console
from avnu.cli.session import open_inbox
from avnu.cli.watch_rates import UNKNOWN, Window
from avnu.cli.watch_screen import Look, screen
from avnu.clock import Clock, SystemClock
from avnu.errors import InboxUnavailable
from avnu.inbox import Inbox
from avnu.inbox.longest import Line, longest_lines
from avnu.inbox.overview import overview

_EVERY_S = 1.0
# Looking for the longest lines asks about each shop that waits.
_LONGEST_EVERY_S = 5.0
_LONGEST = 10


def watch() -> None:
    """Returns at Ctrl-C. Raises click.UsageError without a terminal, CannotReach at the start."""
    if not sys.stdout.isatty():
        raise click.UsageError("--watch draws on a terminal; for a program there is --json")
    try:
        with open_inbox() as inbox:
            _draw(inbox, SystemClock())
    except KeyboardInterrupt:
        return


def _draw(inbox: Inbox, clock: Clock) -> None:
    looking = _Looking(inbox, clock)
    look = looking.look()
    with Live(screen(look), console=console(sys.stdout), screen=True, auto_refresh=False) as live:
        while True:
            began_s = clock.monotonic()
            look = looking.after(look)
            live.update(screen(look), refresh=True)
            clock.sleep(max(0.0, _EVERY_S - (clock.monotonic() - began_s)))


class _Looking:
    def __init__(self, inbox: Inbox, clock: Clock) -> None:
        self._inbox = inbox
        self._clock = clock
        self._window = Window()
        self._longest: list[Line] = []
        self._longest_s = -_LONGEST_EVERY_S

    def look(self) -> Look:
        """Raises InboxUnavailable: who starts to watch wants to know at once."""
        state = overview(self._inbox)
        now_s = self._clock.monotonic()
        if now_s - self._longest_s >= _LONGEST_EVERY_S:
            self._longest = longest_lines(self._inbox, _LONGEST)
            self._longest_s = now_s
        rates = self._window.add(now_s, state)
        return Look(int(1000 * self._clock.time()), state, rates, self._longest)

    def after(self, last: Look) -> Look:
        """The last look with what went wrong, where Redis does not answer: it may come back."""
        try:
            return self.look()
        except InboxUnavailable as fault:
            return Look(last.at_ms, last.state, UNKNOWN, last.longest, str(fault))
