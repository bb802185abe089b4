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
from honcho.printer import Printer

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
        """Until all have ended. True when that was asked for (Ctrl-C, SIGTERM)."""
        self.asked = False
        self.loop()
        return self.asked

    def terminate(self) -> None:
        """Ask all to end; called by the loop, and by honcho's handler of both signals."""
        # honcho's handler has set the return code of a signal before it calls this.
        self.asked = self.asked or (not self._terminating and self.returncode in (130, 143))
        if self._all_started():
            super().terminate()

    def _any_stopped(self) -> bool:
        return self.returncode is not None or not self._alive() or bool(super()._any_stopped())


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

    def write(self, message: tuple[object, ...]) -> None:
        """One message of honcho: (type, data, time, name, colour)."""
        kind, data, *rest = message
        text = data.decode(errors="replace") if isinstance(data, bytes) else str(data)
        super().write(type(message)(kind, printable(text, keep="\n\r\t"), *rest))
