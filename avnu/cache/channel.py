"""Hearing of invalidations: one thread per process, subscribed to the cache's channel.

The process may serve from its own memory only while the thread hears. It asks for a sign of life
twice a second, because a host that is cut off sees no error for minutes; each answer is good for
1.5 s. Whatever happens to the connection, what the process holds is dropped: messages may have
passed in between.
"""

import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Any

import redis

from avnu.clock import Clock

log = logging.getLogger(__name__)

LISTEN_S = 0.25  # how long one look at the socket waits; a stop is noticed within it
BEAT_S = 0.5
DEAF_S = 1.5  # this long after a question without an answer, messages may have been missed
AGAIN_S = (0.1, 0.2, 0.5, 1.0)  # pauses before subscribing anew


class Channel:
    """One subscription and its thread. The callbacks run in that thread and must not raise.

    ``opened``: messages are heard from now on. ``trusted(until_s)``: all that was sent so far has
    been heard, and until then (monotonic) silence means that there was nothing. ``closed``:
    messages may have been missed. ``heard``: one message. ``beat``: called twice a second.
    """

    def __init__(
        self,
        client: "redis.Redis",
        name: str,
        clock: Clock,
        *,
        opened: Callable[[], None],
        trusted: Callable[[float], None],
        closed: Callable[[], None],
        heard: Callable[[bytes], None],
        beat: Callable[[], None],
    ) -> None:
        self._client = client
        self._name = name
        self._clock = clock
        self._opened, self._closed, self._trusted = opened, closed, trusted
        self._heard, self._beat = heard, beat
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def ensure(self) -> None:
        """Start the thread unless it runs."""
        thread = self._thread
        if thread is not None and thread.is_alive():
            return
        with self._starting:
            if self._stop.is_set() or (self._thread is not None and self._thread.is_alive()):
                return
            self._thread = threading.Thread(target=self._run, name="avnu-cache", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread, and wait for it shortly."""
        self._stop.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(DEAF_S)

    def _run(self) -> None:
        tries = 0
        while not self._stop.is_set():
            if self._listen():
                tries = 0
            self._stop.wait(AGAIN_S[min(tries, len(AGAIN_S) - 1)])
            tries += 1

    def _listen(self) -> bool:
        """Subscribe, and hear until something breaks. False when it never came to hearing."""
        # Any: redis-py's pub/sub is typed for no shape of message.
        pubsub: Any = self._client.pubsub()
        hearing = Hearing(self._clock.monotonic())
        try:
            pubsub.subscribe(self._name)
            while not self._stop.is_set() and not hearing.deaf(self._clock.monotonic()):
                message = pubsub.get_message(timeout=LISTEN_S)
                if message is not None:
                    self._take(message, hearing)
                if hearing.begun and hearing.may_ask(self._clock.monotonic()):
                    pubsub.ping()
                    self._beat()
        except (redis.RedisError, OSError) as fault:
            log.debug("cache: the message channel broke: %s", type(fault).__name__)
        finally:
            if hearing.begun:
                self._closed()
            with contextlib.suppress(redis.RedisError, OSError):
                pubsub.close()
        return hearing.begun

    def _take(self, message: dict[str, Any], hearing: "Hearing") -> None:
        match message["type"]:
            case "subscribe":
                # redis-py connects and subscribes anew by itself: a gap lies before the second.
                if hearing.begun:
                    self._closed()
                hearing.begun = True
                self._opened()
                self._trusted(hearing.answered() + DEAF_S)
            case "pong":
                self._trusted(hearing.answered() + DEAF_S)
            case "message":
                self._heard(message["data"])


class Hearing:
    """The questions for a sign of life on one connection. Times are monotonic seconds.

    Only their answers prove that all earlier messages are through; others may be old ones of a
    flood.
    """

    def __init__(self, now_s: float) -> None:
        self.begun = False
        self._asked_s = now_s
        self._open = True  # a question, at first the subscription, is not answered yet

    def answered(self) -> float:
        """The answer is here; when its question was asked."""
        self._open = False
        return self._asked_s

    def may_ask(self, now_s: float) -> bool:
        """True when it is time for the next question, which the caller then asks."""
        if self._open or now_s - self._asked_s < BEAT_S:
            return False
        self._asked_s, self._open = now_s, True
        return True

    def deaf(self, now_s: float) -> bool:
        """No answer for too long."""
        return self._open and now_s - self._asked_s > DEAF_S
