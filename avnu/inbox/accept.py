"""Accept in groups: one script, one round trip, one answer per webhook.

Pure: it builds the commands and reads the replies, so that the receiver's committer, which is
asynchronous, and ``Inbox.accept``, by which a reconciliation puts webhooks in, send the same thing.
"""

import functools
import hashlib
from collections.abc import Sequence
from zlib import crc32

from avnu import keys
from avnu.errors import NotDurable
from avnu.inbox.arrival import Answer, Arrival
from avnu.lua import Scripts
from avnu.settings import Durability, Settings

_LETTERS = {
    ord("A"): Answer.ACCEPTED,
    ord("D"): Answer.DUPLICATE,
    ord("R"): Answer.REPLAYED,
    ord("S"): Answer.SUSPECT,
    ord("F"): Answer.FULL,
}


class Accepting:
    """Builds the commands of a group and reads what the server answered."""

    def __init__(self, settings: Settings, scripts: Scripts) -> None:
        self._script = scripts["accept"]
        self._wait = _wait_command(settings)
        replica = settings.inbox_durability == Durability.REPLICA
        self._copies = settings.inbox_durability_replicas if replica else 1

    def commands(self, arrivals: Sequence[Arrival]) -> list[list[bytes]]:
        """The EVALSHA of a group, and what makes it durable before 200, per INBOX_DURABILITY.

        On one connection and in this order, as the second speaks of the last write of its own
        connection. A duplicate counts itself, which is such a write: it waits as long as the first
        delivery. The replies go to :meth:`answers`.
        """
        group = self._evalsha(arrivals)
        return [group] if self._wait is None else [group, self._wait]

    def load_command(self) -> list[bytes]:
        """For a server that answers the EVALSHA with NOSCRIPT: then nothing of the group ran."""
        return [b"SCRIPT", b"LOAD", self._script.text]

    def answers(self, replies: Sequence[object]) -> list[Answer]:
        """One answer per webhook of the group, in its order.

        Raises the first of ``replies`` that is an error, and NotDurable when too few copies
        confirmed in time.
        """
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        if self._wait is not None and not self._confirmed(replies[1]):
            raise NotDurable("durability was not confirmed in time")
        letters = replies[0]
        assert isinstance(letters, bytes)
        return [_LETTERS[letter] for letter in letters]

    def _evalsha(self, arrivals: Sequence[Arrival]) -> list[bytes]:
        command = [b"EVALSHA", self._script.sha, b"0"]
        for arrival in arrivals:
            shop = arrival.shop
            command += (
                keys.short(shop).encode(),
                arrival.webhook_id.encode(),
                arrival.area.encode(),
                arrival.topic.encode(),
                b"1" if arrival.destructive else b"0",
                arrival.guard(),
                _digest(shop, 8) + _digest(arrival.topic, 3),
                b"%d" % crc32(shop.encode()),
                arrival.record(),
            )
        return command

    def _confirmed(self, reply: object) -> bool:
        """By enough copies? WAITAOF answers [local, replicas], WAIT a number."""
        if isinstance(reply, list):
            return bool(reply) and int(reply[0]) >= self._copies
        return isinstance(reply, int) and reply >= self._copies


@functools.lru_cache(maxsize=65536)
def _digest(text: str, size: int) -> bytes:
    """Of a name, so that a guard is short; of a shop long enough that nobody finds its double."""
    return hashlib.sha256(text.encode()).digest()[:size]


def _wait_command(settings: Settings) -> list[bytes] | None:
    timeout = b"%d" % settings.inbox_durability_timeout_ms
    if settings.inbox_durability == Durability.FSYNC:
        return [b"WAITAOF", b"1", b"0", timeout]
    if settings.inbox_durability == Durability.REPLICA:
        return [b"WAIT", b"%d" % settings.inbox_durability_replicas, timeout]
    return None
