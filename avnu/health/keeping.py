"""What the monitor keeps between two looks, on DB 2: findings, samples, and when it looked."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from redis.exceptions import ResponseError, WatchError

from avnu.errors import InboxUnavailable
from avnu.health.check import Check
from avnu.health.facts import Quiet, Sample
from avnu.inbox import Inbox
from avnu.inbox.reach import reaching

# Longer than a look takes when every server hangs until our patience with it is over.
_LOOK_MS = 60_000
# Beat's messages come a little early or late: the next one must find the claim gone.
_SHARE_OF_PERIOD = 0.8


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
    unseen: Sequence[Check] = ()  # last found of checks that this look could not make
    online: Mapping[str, Sequence[int]] = {}  # OnlineBefore of ``copies.py``

    def check(self, name: str) -> Check | None:
        """What was last found of this one."""
        every = (*self.checks, *self.unseen)
        return next((check for check in every if check.name == name), None)


class Claim(msgspec.Struct, frozen=True):
    """The right to look and to keep what was found, until another has it."""

    owner: bytes
    period_ms: int  # nobody else is to look for so long
    began_s: float  # monotonic


def read_kept(inbox: Inbox) -> Kept | None:
    """What the last look left; None when there was none. Raises InboxUnavailable."""
    with reaching():
        raw = inbox.client.get(inbox.keys.of("found"))
    try:
        return None if raw is None else msgspec.json.decode(raw, type=Kept)
    except msgspec.DecodeError:
        return None  # of another version of Avnu: the next look writes it anew


def claim_look(inbox: Inbox, every_s: float, owner: str) -> Claim | None:
    """The claim of one of all that are asked; None for the others. Raises InboxUnavailable.

    ``owner`` is a name that no other look has.
    """
    period_ms = round(every_s * 1000 * _SHARE_OF_PERIOD)
    claim = Claim(owner.encode(), period_ms, inbox.clock.monotonic())
    with reaching():
        claimed = inbox.client.set(
            inbox.keys.of("looking"), claim.owner, nx=True, px=max(period_ms, _LOOK_MS)
        )
    return claim if claimed else None


def keep(inbox: Inbox, kept: Kept, claim: Claim) -> bool:
    """Keep it, and leave the claim for the rest of its period. Raises InboxUnavailable.

    False, and nothing kept: the look took so long that the claim is another's, or nobody's.
    """
    looking = inbox.keys.of("looking")
    left_ms = claim.period_ms - round(1000 * (inbox.clock.monotonic() - claim.began_s))
    with reaching(), inbox.client.pipeline() as pipe:
        pipe.watch(looking)
        if pipe.get(looking) != claim.owner:
            return False
        pipe.multi()
        pipe.set(inbox.keys.of("found"), msgspec.json.encode(kept))
        pipe.pexpire(looking, max(1, left_ms))
        try:
            pipe.execute()
        except WatchError:
            return False
    return True


def refuses_writes(fault: InboxUnavailable) -> bool:
    """Whether the server answered, and with an error: full, a replica, not permitted."""
    return isinstance(fault.__cause__, ResponseError)
