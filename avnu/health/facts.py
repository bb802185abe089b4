"""What one look of the monitor saw. The checks are given this, and nothing else but settings."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from avnu.health.getting import Gets
from avnu.health.hearing import Heard
from avnu.health.servers import ServerState
from avnu.inbox.longest import Line
from avnu.inbox.overview import Overview


class Unreached(msgspec.Struct, frozen=True):
    """What did not answer, or not as it should; ``todo`` where that is known."""

    why: str
    todo: str = ""


class Database(msgspec.Struct, frozen=True):
    """What the database tells of shops and their duties. Shops by full domain."""

    place: str
    shops: Mapping[str, int]  # by status
    in_trouble: Sequence[str]  # frozen or unauthorised
    refused: int  # subscriptions that Shopify did not make
    lacking: Sequence[str]  # shops that lack one
    silent: Sequence[str]  # shops with a topic that fell silent
    open_requests: Sequence[str]  # by law, the nearest deadline first
    due_at: datetime | None  # the nearest deadline


class Sample(msgspec.Struct, frozen=True):
    """What only grows, as it stood at one moment of the inbox's time."""

    at_ms: int
    servers: Mapping[str, ServerState]
    counters: Mapping[str, int]
    gets: Gets | None = None


class Quiet(msgspec.Struct, frozen=True):
    """How long it was ever quiet: the longest gap between two deliveries, fading."""

    longest_s: float = 0.0
    age_s: float = 0.0  # since the last delivery, at the last look
    at_ms: int = 0  # of the last look


class InboxFacts(msgspec.Struct, frozen=True):
    """What the inbox holds and has heard of."""

    state: Overview
    stuck: Mapping[str, int]  # partitions, by area
    heard: Heard
    longest: Sequence[Line]


class Facts(msgspec.Struct, frozen=True):
    """One look. ``before`` is None while nothing was kept, or what was kept is too young."""

    now: datetime
    servers: Mapping[str, ServerState | Unreached]  # by role
    inbox: InboxFacts | Unreached
    database: Database | Unreached
    breakers: Mapping[str, str] | Unreached  # state by name
    before: Sample | None = None
    quiet: Quiet = Quiet()
    gets: Gets | None = None  # None: not read
    online_before: Mapping[str, Sequence[int]] = {}  # OnlineBefore of ``copies.py``
