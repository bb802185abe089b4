"""What goes wrong between Shopify and the receiver, as rates and as changes to a plan.

Each rate is a share of the genuine webhooks; a rate above zero is at least one case. Which
webhooks are hit follows from the seed alone.
"""

from typing import Any

import msgspec

from avnu.sandbox.chance import draw_id
from avnu.sandbox.delivery import FORGERIES, Delivery, DeliveryKind, Signature
from avnu.sandbox.draft import Draft
from avnu.shopify.topics import TOPICS

#: One replay under new ids is this many copies: the receiver keeps the first ten of the same
#: bytes, the original among them (DESIGN: the MAC itself is the replay guard), so three are over.
REPLAY_BURST = 12

#: Bodies shorter than this are not guarded: two honest ones can be equal.
GUARDED_BYTES = 64

#: One byte more than WEBHOOK_MAX_BYTES takes by default.
OVERSIZE_BYTES = 16 * 1024 * 1024 + 1

#: How far a shuffled webhook moves, in places, at most.
SHUFFLED_PLACES = 60


class Mischief(msgspec.Struct, frozen=True, kw_only=True):
    """Rates from 0 to 1. ``Mischief()`` is a good day."""

    duplicates: float = 0.0  # sent again later
    simultaneous: float = 0.0  # sent twice in the same instant
    late: float = 0.0  # sent hours late, near the end of the day or after it
    shuffled: float = 0.0  # sent out of order
    dropped: float = 0.0  # never sent
    forged: float = 0.0
    replayed: float = 0.0  # in turn: new ids (a burst), another shop, a topic that destroys
    oversized: float = 0.0
    wrong_secret: float = 0.0
    oversize_bytes: int = OVERSIZE_BYTES

    def __post_init__(self) -> None:
        for name in RATES:
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a rate from 0 to 1")


RATES = tuple(name for name in Mischief.__struct_fields__ if name != "oversize_bytes")

NO_MISCHIEF = Mischief()

#: Everything at once, as `make demo` plays it.
ALL_MISCHIEF = Mischief(
    duplicates=0.08,
    simultaneous=0.03,
    late=0.03,
    shuffled=0.2,
    dropped=0.01,
    forged=0.02,
    replayed=0.004,
    oversized=0.001,
    wrong_secret=0.01,
)


def make_mischief(draft: Draft, rates: Mischief) -> None:
    """Everything the rates ask for; order first, because the rest looks at places."""
    for kind_of_mischief in (
        _drop,
        _shuffle,
        _delay,
        _double,
        _send_again,
        _replay,
        _replay_named,
        _forge,
        _sign_wrong,
        _oversize,
    ):
        kind_of_mischief(draft, rates)


def _drop(draft: Draft, rates: Mischief) -> None:
    for index in draft.take(rates.dropped, _is_missed_by_nobody):
        draft.turn_into(index, DeliveryKind.DROPPED)


def _is_missed_by_nobody(delivery: Delivery) -> bool:
    """Not an uninstall: if that never comes, its shop's work waits parked for a day."""
    return delivery.topic != "app/uninstalled"


def _shuffle(draft: Draft, rates: Mischief) -> None:
    rng = draft.rng
    for delivery in draft.genuine:
        if rng.random() < rates.shuffled:
            draft.place[delivery.number] += rng.uniform(-SHUFFLED_PLACES, SHUFFLED_PLACES)


def _delay(draft: Draft, rates: Mischief) -> None:
    end = len(draft.genuine)
    for index in draft.take(rates.late):
        draft.delay(index, end * draft.rng.uniform(0.9, 1.1))


def _double(draft: Draft, rates: Mischief) -> None:
    for index in draft.take(rates.simultaneous):
        draft.turn_into(index, DeliveryKind.AT_ONCE)


def _send_again(draft: Draft, rates: Mischief) -> None:
    for index in draft.take(rates.duplicates):
        source = draft.genuine[index]
        later = draft.place[source.number] + draft.rng.expovariate(1 / 200)
        draft.add(source, later, DeliveryKind.DUPLICATE)


def _replay(draft: Draft, rates: Mischief) -> None:
    ways = (_replay_under_new_ids, _replay_to_another_shop, _replay_as_destruction)
    for turn, index in enumerate(draft.take(rates.replayed, _replayable)):
        ways[turn % len(ways)](draft, draft.genuine[index])


def _replayable(delivery: Delivery) -> bool:
    """Guarded, followed, and naming no shop inside: every way of replaying it is the guard's."""
    topic = TOPICS.get(delivery.topic)
    return topic is not None and not topic.names_shop and len(delivery.body) >= GUARDED_BYTES


def _replay_under_new_ids(draft: Draft, source: Delivery) -> None:
    """Each copy waits for the one before, so which of them are kept is certain."""
    place = draft.place[source.number]
    after = source.number
    for _ in range(REPLAY_BURST):
        place += draft.rng.uniform(1, 20)
        copy = draft.add(
            source, place, DeliveryKind.REPLAYED_ID, webhook_id=draw_id(draft.rng), after=after
        )
        after = copy.number


def _replay_to_another_shop(draft: Draft, source: Delivery) -> None:
    _replay_once(draft, source, DeliveryKind.REPLAYED_SHOP, shop=draft.another_shop(source.shop))


def _replay_as_destruction(draft: Draft, source: Delivery) -> None:
    destructive = [
        topic.name
        for topic in TOPICS.values()
        if topic.destructive and not topic.names_shop and topic.name != source.topic
    ]
    _replay_once(draft, source, DeliveryKind.REPLAYED_TOPIC, topic=draft.rng.choice(destructive))


def _replay_named(draft: Draft, rates: Mischief) -> None:
    """An uninstall or a redaction of one shop, sent to another: the body gives it away."""
    for index in draft.take(rates.replayed, _names_its_shop):
        source = draft.genuine[index]
        draft.add(
            source,
            draft.anywhere(),
            DeliveryKind.REPLAYED_NAMED,
            webhook_id=draw_id(draft.rng),
            shop=draft.another_shop(source.shop),
        )


def _names_its_shop(delivery: Delivery) -> bool:
    topic = TOPICS.get(delivery.topic)
    return topic is not None and topic.names_shop is not None


def _replay_once(draft: Draft, source: Delivery, kind: DeliveryKind, **changes: Any) -> None:
    later = draft.place[source.number] + draft.rng.uniform(5, 300)
    draft.add(source, later, kind, webhook_id=draw_id(draft.rng), after=source.number, **changes)


def _forge(draft: Draft, rates: Mischief) -> None:
    """Half of them under the id of a genuine webhook that is still to come, to take its place."""
    for turn, index in enumerate(draft.take(rates.forged)):
        source = draft.genuine[index]
        steals_id = turn % 2 == 0
        draft.add(
            source,
            draft.place[source.number] - draft.rng.uniform(1, 50),
            DeliveryKind.FORGED,
            webhook_id=source.webhook_id if steals_id else draw_id(draft.rng),
            body=source.body.replace(b'"', b'"x', 2),
            signature=FORGERIES[turn % len(FORGERIES)],
        )


def _sign_wrong(draft: Draft, rates: Mischief) -> None:
    """As the webhooks made in a shop's admin are: signed by Shopify, with another key."""
    for index in draft.take(rates.wrong_secret):
        draft.add(
            draft.genuine[index],
            draft.anywhere(),
            DeliveryKind.WRONG_SECRET,
            webhook_id=draw_id(draft.rng),
            signature=Signature.WRONG_SECRET,
        )


def _oversize(draft: Draft, rates: Mischief) -> None:
    for index in draft.take(rates.oversized):
        draft.add(
            draft.genuine[index],
            draft.anywhere(),
            DeliveryKind.OVERSIZED,
            webhook_id=draw_id(draft.rng),
            filler_bytes=rates.oversize_bytes,
        )
