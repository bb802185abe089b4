"""Room for bodies: how many bytes of them one process holds at once, read or half-read."""

import threading


class Room:
    """A number of bytes shared by all requests of a process. Safe between threads."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._taken = 0
        self._lock = threading.Lock()

    @property
    def taken(self) -> int:
        """Bytes in use now."""
        return self._taken

    def take(self, size: int) -> bool:
        """Take ``size`` bytes. False when they are not there: then nothing was taken.

        Bytes that came are taken, not bytes that were announced: an announcement costs a sender
        nothing, and four of them would close the door to everybody.
        """
        with self._lock:
            if self._taken + size > self._most:
                return False
            self._taken += size
            return True

    def give_back(self, size: int) -> None:
        """The end of a body of ``size`` taken bytes."""
        with self._lock:
            self._taken -= size
