"""Renewing leases while handlers run: one thread per process, started with its first lease.

A lease is renewed up to the handler's deadline and no further: a handler that hangs loses its
lease, and the hard time limit ends its process.
"""

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from avnu.clock import Clock
from avnu.errors import InboxUnavailable
from avnu.inbox import Inbox
from avnu.logs import about

log = logging.getLogger(__name__)


class Held(msgspec.Struct, frozen=True):
    """A lease in this process's hands; kind and name as ``Inbox.renew`` wants them."""

    kind: str
    name: str
    owner: str
    token: str
    since_s: float
    deadline_s: float


class Leases:
    """The leases of one process, by thread."""

    def __init__(self, inbox: Inbox, clock: Clock) -> None:
        self._inbox = inbox
        self._clock = clock
        self._every_s = inbox.settings.inbox_lease_seconds / 3
        self._handler_s = inbox.settings.inbox_handler_seconds
        self._held: dict[int, Held] = {}
        self._pid = 0
        # Two threads of a pool may take the first leases of their process at once.
        self._starting = threading.Lock()

    @contextmanager
    def holding(self, kind: str, name: str, owner: str, token: str) -> Iterator[float]:
        """Renew this lease while the block runs. Gives the handler's deadline (monotonic s)."""
        self._start()
        now = self._clock.monotonic()
        deadline = now + self._handler_s
        self._held[threading.get_ident()] = Held(kind, name, owner, token, now, deadline)
        try:
            yield deadline
        finally:
            self._held.pop(threading.get_ident(), None)

    def _start(self) -> None:
        """A thread does not survive a fork, so each process starts its own."""
        with self._starting:
            if self._pid != os.getpid():
                self._pid = os.getpid()
                self._held.clear()
                threading.Thread(target=self._renew_for_ever, name="leases", daemon=True).start()

    def _renew_for_ever(self) -> None:
        while True:
            self._clock.sleep(self._every_s)
            for held in list(self._held.values()):
                self._renew(held)

    def _renew(self, held: Held) -> None:
        now = self._clock.monotonic()
        if now >= held.deadline_s or now - held.since_s < self._every_s / 2:
            return
        try:
            kept = self._inbox.renew(held.kind, held.name, held.owner, held.token)
        except InboxUnavailable:
            return  # the next round tries again; after a gap the tick gives a fresh term
        if not kept and held in self._held.values():
            log.warning("lease lost", extra=about(kind=held.kind, name=held.name))
