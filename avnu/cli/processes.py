"""Runs programs together, as honcho does: prefixed logs, and when one ends, all end.

Three things differ from honcho's own manager (2.0): only the main process of a program is asked to
end, because Celery's children would die of SIGTERM with their work in hand; a Ctrl-C that comes
before every program has started is obeyed as well; and a server that is not among the programs is
watched with them.
"""

import os
import shlex
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from honcho.manager import Manager
from honcho.printer import Message, Printer

from avnu.cli.output import printable


class Processes(Manager):  # type: ignore[misc]
    """Programs that live and end together; ``run`` returns when all of them have ended."""

    def __init__(self, alive: Callable[[], bool]) -> None:
        """``alive`` says whether what the programs need is still there."""
        super().__init__(HarmlessPrinter(sys.stdout))
        self._procmgr = MainProcesses()
        self._alive = alive

    def add(self, name: str, command: Sequence[str], environ: Mapping[str, str]) -> None:
        """One program; ``name`` is the prefix of its log."""
        # honcho starts a shell, which exec turns into the program, so that signals reach it.
        self.add_process(name, f"exec {shlex.join(command)}", env=dict(environ))

    def run(self) -> bool:
        """Until all have ended. True when that was asked for (Ctrl-C, SIGTERM, SIGHUP)."""
        self._asked = self._ending = False
        # honcho knows Ctrl-C and SIGTERM; a closed terminal must not leave programs behind either.
        signal.signal(signal.SIGHUP, lambda *_: self.terminate())
        self.loop()
        return self._asked

    def terminate(self) -> None:
        """Called by the loop to end all, and by honcho's signal handler, where it only notes it.

        The loop looks ten times a second, and only after every program has started.
        """
        if self._ending:
            super().terminate()
        else:
            self._asked = True

    def _any_stopped(self) -> bool:
        self._ending = self._asked or not self._alive() or bool(super()._any_stopped())
        return self._ending

    def _system_print(self, data: str) -> None:
        # A signal may come in the middle of a print, which refuses another one inside it.
        with suppress(RuntimeError):
            super()._system_print(data)


class MainProcesses:
    """How programs are ended: the main process is asked, the whole family is killed."""

    def terminate(self, pid: int) -> None:
        """SIGTERM to the program itself."""
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)

    def kill(self, pid: int) -> None:
        """SIGKILL to the program and its children: each program has a group of its own."""
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


class HarmlessPrinter(Printer):  # type: ignore[misc]
    """Prints log lines with their prefix; a control character in one cannot act on a terminal."""

    def write(self, message: Message) -> None:
        """One message of honcho; its data is a line, as bytes or as text."""
        data = message.data
        text = data.decode(errors="replace") if isinstance(data, bytes) else str(data)
        # Where the terminal or the pipe is gone, the programs are still to be ended in order.
        with suppress(OSError):
            super().write(message._replace(data=printable(text, keep="\n\r\t")))
