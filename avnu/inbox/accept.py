"""Accept in groups: one command, one round trip, one answer per webhook.

Pure: it builds the command and reads the reply, so that the receiver's committer, which is
asynchronous, and ``Inbox.accept``, by which a reconciliation puts webhooks in, send the same thing.
"""

import functools
import hashlib
from collections.abc import Sequence
from zlib import crc32

from avnu import keys
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
    """Builds the accept command of a group and reads what the script answered."""

    def __init__(self, settings: Settings, scripts: Scripts) -> None:
        self._script = scripts["accept"]
        self._wait = _wait_command(settings)
        replica = settings.inbox_durability == Durability.REPLICA
        self._copies = settings.inbox_durability_replicas if replica else 1

    def command(self, arrivals: Sequence[Arrival]) -> list[bytes]:
        """The EVALSHA of a group; its reply goes to :meth:`answers`."""
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

    def script_text(self) -> bytes:
        """For SCRIPT LOAD after NOSCRIPT."""
        return self._script.text

    def answers(self, reply: object) -> list[Answer]:
        """One answer per webhook of the group, in its order."""
        assert isinstance(reply, bytes)
        return [_LETTERS[letter] for letter in reply]

    def wait_command(self) -> list[bytes] | None:
        """What makes the group durable before 200, per INBOX_DURABILITY; None for ``memory``.

        It speaks of the last write of its own connection, so it must follow the group there. A
        duplicate counts itself, which is such a write: it waits as long as the first delivery.
        """
        return self._wait

    def wait_satisfied(self, reply: object) -> bool:
        """Did enough copies confirm in time? WAITAOF answers [local, replicas], WAIT a number."""
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
