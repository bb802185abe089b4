"""The delivery plan: everything that will be sent, in order, from a seed alone."""

import random

from avnu.sandbox.chance import chance, draw_id
from avnu.sandbox.day import Event
from avnu.sandbox.delivery import Delivery
from avnu.sandbox.draft import Draft
from avnu.sandbox.encoding import triggered_at
from avnu.sandbox.mischief import NO_MISCHIEF, Mischief, make_mischief
from avnu.sandbox.shops import USUAL_SIZES, Sizes
from avnu.sandbox.store import FIRST_DAY, Store


def plan(
    seed: int,
    shops: int,
    deliveries: int,
    mischief: Mischief = NO_MISCHIEF,
    start: float = FIRST_DAY,
    *,
    sizes: Sizes = USUAL_SIZES,
    days: int = 1,
) -> list[Delivery]:
    """``deliveries`` genuine webhooks of ``shops`` shops in the order sent, mischief among them.

    Duplicates, replays and attacks come on top of ``deliveries``. A pure function: the same
    arguments give the same plan, ids and bytes included. ``start`` is the first second of the
    day in unix time; ``deliveries`` are spread over ``days`` that follow each other. Takes about
    3 kB of memory for each genuine webhook.
    """
    rng = chance(f"plan:{seed}")
    events = Store(seed, shops, start, sizes=sizes, days=days).events(deliveries)
    genuine = [_delivery(rng, number, event) for number, event in enumerate(events)]
    draft = Draft(genuine, rng)
    make_mischief(draft, mischief)
    return draft.ordered()


def _delivery(rng: random.Random, number: int, event: Event) -> Delivery:
    return Delivery(
        number=number,
        shop=event.shop.domain,
        webhook_id=draw_id(rng),
        topic=event.topic,
        body=event.body,
        event_id=event.event_id,
        triggered_at=triggered_at(event.at),
    )
