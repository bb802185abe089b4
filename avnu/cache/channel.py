"""Hearing of invalidations: one thread per process, subscribed to the cache's channel.

The process may serve from its own memory only while the thread hears. It asks for a sign of life
twice a second, because a host that is cut off sees no error for minutes. Whatever happens to the
connection, what the process holds is dropped: messages may have passed in between.
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
DEAF_S = 1.5  # without any answer for so long, messages may have been missed
AGAIN_S = (0.1, 0.2, 0.5, 1.0)  # pauses before subscribing anew


class Channel:
    """One subscription and its thread. The callbacks run in that thread and must not raise.

    ``opened``: messages arrive from now on. ``closed``: some may have been missed. ``heard``: one
    message. ``beat``: called twice a second while open.
    """

    def __init__(
        self,
        client: "redis.Redis",
        name: str,
        clock: Clock,
        *,
        opened: Callable[[], None],
        closed: Callable[[], None],
        heard: Callable[[bytes], None],
        beat: Callable[[], None],
    ) -> None:
        self._client = client
        self._name = name
        self._clock = clock
        self._opened, self._closed, self._heard, self._beat = opened, closed, heard, beat
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
        try:
            while not self._stop.is_set():
                if self._listen():
                    tries = 0
                self._stop.wait(AGAIN_S[min(tries, len(AGAIN_S) - 1)])
                tries += 1
        finally:
            self._closed()

    def _listen(self) -> bool:
        """Subscribe, and hear until something breaks. False when it never came to hearing."""
        heard_any = False
        # Any: redis-py's pub/sub is typed for no shape of message.
        pubsub: Any = self._client.pubsub()
        try:
            pubsub.subscribe(self._name)
            for message in self._messages(pubsub):
                heard_any = self._take(message) or heard_any
        except (redis.RedisError, OSError) as fault:
            log.debug("cache: the message channel broke: %s", type(fault).__name__)
        finally:
            if heard_any:
                self._closed()
            with contextlib.suppress(redis.RedisError, OSError):
                pubsub.close()
        return heard_any

    def _messages(self, pubsub: Any) -> Any:
        heard_s = asked_s = self._clock.monotonic()
        while not self._stop.is_set():
            message = pubsub.get_message(timeout=LISTEN_S)
            now_s = self._clock.monotonic()
            if message is not None:
                # Other messages prove nothing: they may be old ones of a flood.
                if message["type"] in {"subscribe", "pong"}:
                    heard_s = now_s
                yield message
            if now_s - heard_s > DEAF_S:
                return
            if now_s - asked_s >= BEAT_S:
                pubsub.ping()
                asked_s = now_s
                self._beat()

    def _take(self, message: dict[str, Any]) -> bool:
        # redis-py connects and subscribes anew by itself: each of these may follow a gap.
        if message["type"] == "subscribe":
            self._closed()
            self._opened()
            return True
        if message["type"] == "message":
            self._heard(message["data"])
        return False
