"""What to do about a shop's token, decided from its row alone: no database, no clock, no network.

Two clocks meet here. Tokens end by the host's (Shopify counts from its answer); leases and waits
between processes go by the database's, which is the same for all of them.
"""

import enum
from datetime import datetime

import msgspec

from avnu.store.shops import Status


class TokenRow(msgspec.Struct, frozen=True):
    """A shop's row as far as tokens go; the tokens are sealed. ``now`` is the database's time."""

    shop: str
    status: Status
    reason: str
    access: str | None
    refresh: str | None
    expires_at: datetime | None
    due_at: datetime | None
    owner: str | None
    until: datetime | None
    after: datetime | None
    failures: int
    now: datetime


class Verdict(enum.Enum):
    """What whoever wants a token does next."""

    SERVE = "serve"  # the stored token is good enough
    ASK = "ask"  # exchange the refresh token, after taking the lease
    WAIT = "wait"  # another does, and without its answer there is nothing to serve
    LATER = "later"  # asking failed a moment ago, and it is too early to ask again
    NEVER = "never"  # only the merchant can help


def judge(row: TokenRow, now: datetime, *, refused: bool) -> Verdict:
    """``now`` is the host's time; ``refused`` says that Shopify answered 401 to this very token."""
    if row.status is Status.UNINSTALLED or row.access is None:
        return Verdict.NEVER
    obstacle = _obstacle(row)
    if not is_alive(row, now, refused=refused):
        return obstacle or Verdict.ASK
    due = row.due_at is not None and row.due_at <= now
    return Verdict.ASK if due and obstacle is None else Verdict.SERVE


def is_alive(row: TokenRow, now: datetime, *, refused: bool) -> bool:
    """True while the stored token may be used, as far as is known."""
    if refused or row.access is None or row.status is Status.UNAUTHORISED:
        return False
    return row.expires_at is None or now < row.expires_at


def _obstacle(row: TokenRow) -> Verdict | None:
    """Why no pair can be asked for just now, as the verdict for who has no live token."""
    if row.refresh is None:
        return Verdict.NEVER
    if row.until is not None and row.now < row.until:
        return Verdict.WAIT
    if row.after is not None and row.now < row.after:
        return Verdict.NEVER if row.status is Status.UNAUTHORISED else Verdict.LATER
    # Asked also of an unauthorised shop, now and then: our own secret may have been what was wrong.
    return None
