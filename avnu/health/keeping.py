"""What the monitor keeps between two looks, on DB 2: findings, samples, and when it looked."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from avnu.health.check import Check
from avnu.health.facts import Quiet, Sample
from avnu.inbox import Inbox
from avnu.inbox.reach import reaching


class Kept(msgspec.Struct, frozen=True):
    """Rates are reckoned from ``older``, which is one to two windows old once there is one."""

    looked_ms: int
    checks: Sequence[Check]
    since_ms: Mapping[str, int]  # since when each check is in its state
    older: Sample | None
    newer: Sample | None
    quiet: Quiet
    subscriptions_missing: int | None  # None: the database did not tell
    due_at: datetime | None

    def check(self, name: str) -> Check | None:
        """What was found of this one."""
        return next((check for check in self.checks if check.name == name), None)


def read_kept(inbox: Inbox) -> Kept | None:
    """What the last look left; None when there was none. Raises InboxUnavailable."""
    with reaching():
        raw = inbox.client.get(inbox.keys.of("found"))
    try:
        return None if raw is None else msgspec.json.decode(raw, type=Kept)
    except msgspec.DecodeError:
        return None  # of another version of Avnu: the next look writes it anew


def keep(inbox: Inbox, kept: Kept) -> None:
    """Raises InboxUnavailable."""
    with reaching():
        inbox.client.set(inbox.keys.of("found"), msgspec.json.encode(kept))


def may_look(inbox: Inbox, every_s: float) -> bool:
    """Whether this caller is to look now, of all that are asked. Raises InboxUnavailable."""
    with reaching():
        for_ms = round(every_s * 1000 * 0.8)
        return bool(inbox.client.set(inbox.keys.of("looking"), b"1", nx=True, px=for_ms))
