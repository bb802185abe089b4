"""A thread that comes into being when there is something to do, and ends when there is not."""

import logging
import threading
from collections.abc import Callable

_log = logging.getLogger(__name__)


class Background:
    """Does ``work`` every ``every_s`` seconds until it answers that nothing is left to do.

    Belongs to one process: see :class:`avnu.per_process.PerProcess`.
    """

    def __init__(self, name: str, work: Callable[[], bool], every_s: float) -> None:
        self._name = name
        self._work = work
        self._every_s = every_s
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._asked = False
        self._stopped = False

    def soon(self) -> None:
        """Work within ``every_s``."""
        # Read without the lock, as this is asked at each call: a running thread looks at it last.
        self._asked = True
        if self._thread is None:
            self._start()

    def at_once(self) -> None:
        """Work without waiting for ``every_s``."""
        self.soon()
        self._wake.set()

    def stop(self) -> None:
        """End the thread, after the work that it is doing now."""
        with self._lock:
            self._stopped = True
            thread = self._thread
        self._wake.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None and not self._stopped:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._stopped:
            self._wake.wait(self._every_s)
            self._wake.clear()
            self._asked = False
            if not self._do() and self._end():
                return

    def _do(self) -> bool:
        try:
            return self._work()
        except Exception:  # noqa: BLE001 - a thread that died would leave everything undone in silence
            _log.exception("%s failed", self._name)
            return True

    def _end(self) -> bool:
        with self._lock:
            # Asked for since the work was done: who asked saw a thread and started none.
            if self._asked and not self._stopped:
                return False
            self._thread = None
        # Asked for between the look and the line above, by somebody who still saw the thread.
        if self._asked:
            self._start()
        return True
