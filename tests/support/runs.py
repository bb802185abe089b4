"""The file in which scripted handlers note each run, and how a test reads it."""

import enum
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from avnu import keys

RUNS = "AVNU_TEST_RUNS"


class Moment(enum.StrEnum):
    """A run has begun; it came to its end (what it leads to is settled after that)."""

    BEGUN = "begun"
    ENDED = "ended"


class Run(NamedTuple):
    """One line. ``at_s`` is the machine's monotonic time, the same in every process."""

    moment: Moment
    ref: str
    pid: int
    at_s: float


class Runs:
    """One file, appended to by every process: a line is one write, so lines never mix."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def note(self, moment: Moment, shop: str, webhook_id: str) -> None:
        line = f"{moment}\t{keys.ref(shop, webhook_id)}\t{os.getpid()}\t{time.monotonic()}\n"
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, line.encode())
        finally:
            os.close(file)

    def of(self, shop: str, webhook_id: str) -> list[Run]:
        """The runs of one webhook that have begun."""
        return self.begun(keys.ref(shop, webhook_id))

    def begun(self, ref: str) -> list[Run]:
        return [run for run in self if run.ref == ref and run.moment is Moment.BEGUN]

    def begun_since(self, since_s: float) -> set[str]:
        return self.refs(Moment.BEGUN, since_s)

    def refs(self, moment: Moment, since_s: float = 0.0) -> set[str]:
        """Who reached this moment at or after ``since_s``."""
        return {run.ref for run in self if run.moment is moment and run.at_s >= since_s}

    def __iter__(self) -> Iterator[Run]:
        if not self.path.exists():
            return
        for line in self.path.read_text().splitlines():
            moment, ref, pid, at_s = line.split("\t")
            yield Run(Moment(moment), ref, int(pid), float(at_s))
