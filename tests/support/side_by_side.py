"""Two tests run side by side in `make test` (pytest-xdist); one that measures runs alone.

Each of the processes lets a test in through a door to a room. One marked ``alone`` waits in the
door until the room is empty, so nobody comes in before it, and keeps the room to itself.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Any file will do that every process of the run finds; its folder is the door. Neither is written,
# and a lock ends with its process.
_ROOM = Path(__file__)


@contextmanager
def let_in(*, alone: bool, room: Path = _ROOM) -> Iterator[None]:
    """Wait until the test may run, and hold its place while the block does."""
    door = room.parent
    with (
        _locked(door, fcntl.LOCK_EX) as opened,
        _locked(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH),
    ):
        fcntl.flock(opened, fcntl.LOCK_UN)
        yield


@contextmanager
def _locked(path: Path, kind: int) -> Iterator[int]:
    opened = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(opened, kind)
        yield opened
    finally:
        # Closing alone would leave it to a child that was forked meanwhile.
        fcntl.flock(opened, fcntl.LOCK_UN)
        os.close(opened)
