"""What an audit finds, decided from lists alone: no network, no database, no clock."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from avnu.settings.shopify import Subscriptions
from avnu.shopify.queries import SubscriptionNode
from avnu.subscriptions.habits import Habit
from avnu.subscriptions.wanted import WANTED, WANTED_BY_API_NAME

# A topic is silent after a day at least, and three times the longest gap of before; of a topic that
# hardly ever came nothing can be said.
_LEAST_S = 86_400.0
_TIMES = 3.0
_SEEN = 20


class Elsewhere(msgspec.Struct, frozen=True):
    """A wanted topic that is also, or only, sent to another address."""

    topic: str
    address: str


class Refused(msgspec.Struct, frozen=True):
    """A subscription that Shopify did not make, and what it said."""

    topic: str
    why: str


class Silent(msgspec.Struct, frozen=True):
    """A topic that has not come for far longer than it used to."""

    topic: str
    last_at: datetime
    longest_gap_s: float


class Findings(msgspec.Struct, frozen=True):
    """Of one shop. ``created``: was missing, and was made anew by this audit."""

    created: tuple[str, ...] = ()
    refused: tuple[Refused, ...] = ()
    elsewhere: tuple[Elsewhere, ...] = ()
    doubled: tuple[str, ...] = ()
    silent: tuple[Silent, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many of each, where there are any."""
        every = {name: len(getattr(self, name)) for name in self.__struct_fields__}
        return {name: n for name, n in every.items() if n}


class Compared(msgspec.Struct, frozen=True):
    """The shop's own subscriptions beside what is wanted."""

    missing: tuple[str, ...]
    elsewhere: tuple[Elsewhere, ...]
    doubled: tuple[str, ...]


def compare(nodes: Iterable[SubscriptionNode], mode: Subscriptions, address: str) -> Compared:
    """``address``: of the receiver; without one any address of the shop's may be it.

    Subscriptions of topics that Avnu does not follow are somebody else's business.
    """
    here: dict[str, int] = {}
    elsewhere: list[Elsewhere] = []
    for node in nodes:
        topic = WANTED_BY_API_NAME.get(node.topic)
        if topic is None:
            continue
        if address and node.uri != address:
            elsewhere.append(Elsewhere(topic, node.uri))
        else:
            here[topic] = here.get(topic, 0) + 1
    if mode is Subscriptions.APP:
        # The app has each of them already.
        return Compared((), tuple(elsewhere), tuple(topic for topic in WANTED if topic in here))
    return Compared(
        missing=tuple(topic for topic in WANTED if topic not in here),
        elsewhere=tuple(elsewhere),
        doubled=tuple(topic for topic in WANTED if here.get(topic, 0) > 1),
    )


def silent(habits: Sequence[Habit], now: datetime) -> tuple[Silent, ...]:
    """Topics that came often enough to have a habit, and have not come for far longer."""
    return tuple(
        Silent(one.topic, one.last_at, one.gap_s)
        for one in habits
        if one.seen >= _SEEN
        and (now - one.last_at).total_seconds() > max(_LEAST_S, _TIMES * one.gap_s)
    )
