"""Run the handlers over a batch of one shop and say what becomes of each webhook.

Knows neither Redis nor Celery: what it needs of time and counters it asks the shop.
"""

import logging
import math
from collections.abc import Iterator, Mapping, Sequence

from avnu.errors import Park, ShopUninstalled, Unreadable, WaitsAlone
from avnu.faults import reason_of
from avnu.inbox.turn import Letter, Parking, Settlement, Verdict
from avnu.logs import about
from avnu.shopify.topics import topic_for
from avnu.superseding import superseded_by
from avnu.webhook import Handler, Shop, Webhook

log = logging.getLogger(__name__)

_LEAST_WAIT_MS = 1000


def run_batch(
    shop: Shop, webhooks: Sequence[Webhook], handlers: Mapping[str, Handler]
) -> tuple[Settlement, list[Exception]]:
    """Settle every webhook of the batch; also the exceptions that handlers raised."""
    newer = superseded_by(webhooks)
    fresh = [webhook for i, webhook in enumerate(webhooks) if i not in newer]
    parking: Parking | None = None
    raised: list[Exception] = []
    for name, some in runs(fresh):
        if parking is None:
            parking = _run(shop, some, handlers.get(name), raised)
    verdicts = [webhook.verdict or Verdict(Letter.BACK) for webhook in webhooks]
    for older, newest in newer.items():
        if verdicts[newest].letter is Letter.DONE:
            verdicts[older] = Verdict(Letter.SUPERSEDED)
    parkings = {shop.domain: parking} if parking else {}
    return Settlement(verdicts, parkings), raised


def _run(
    shop: Shop, webhooks: Sequence[Webhook], handler: Handler | None, raised: list[Exception]
) -> Parking | None:
    """One handler over its run of webhooks: each gets a verdict, unless the shop parks."""
    if handler is None:
        _settle_rest(webhooks, Verdict(Letter.UNHANDLED))
        return None
    try:
        _handle(handler, shop, webhooks)
    except Park as park:
        return _wait(shop, webhooks, park)
    except Exception as fault:  # noqa: BLE001 -- whatever a handler raises is its failed run
        undecided = [webhook for webhook in webhooks if webhook.verdict is None]
        if len(webhooks) > 1:
            return _one_by_one(shop, undecided, handler, raised, fault)
        if undecided:
            raised.append(fault)
            _settle_rest(undecided, Verdict(Letter.FAILED, reason_of(fault)))
        return None
    _settle_rest(webhooks, Verdict(Letter.DONE))
    return None


def _wait(shop: Shop, webhooks: Sequence[Webhook], park: Park) -> Parking | None:
    """Who waits: the shop, this run of webhooks without it, or nobody, as the shop has left."""
    topic = topic_for(webhooks[0].topic)
    if isinstance(park, WaitsAlone):
        _settle_rest(webhooks, Verdict(Letter.ALONE, reason_of(park)))
        return None
    # What the law asks for is never done without effect.
    if isinstance(park, ShopUninstalled) and topic is not None and topic.area != "compliance":
        _without_effect(shop, webhooks, topic.area)
        return None
    return Parking(park.cause, _wait_ms(park))


def _without_effect(shop: Shop, webhooks: Sequence[Webhook], area: str) -> None:
    """The copy of a shop that left stays as it is until shop/redact, so its webhooks are done.

    If it comes back, a reconciliation brings what was missed.
    """
    undecided = sum(webhook.verdict is None for webhook in webhooks)
    _settle_rest(webhooks, Verdict(Letter.DONE))
    log.info(
        "done without effect, as it has left", extra=about(shop=shop.domain, webhooks=undecided)
    )
    shop.count({f"put_away:{area}": undecided})


def _wait_ms(park: Park) -> int:
    """A second at least: the tick looks once a second, and what waits for nothing never ends."""
    if park.wait_s is None or not math.isfinite(park.wait_s):
        return 0
    return max(_LEAST_WAIT_MS, round(park.wait_s * 1000))


def _one_by_one(
    shop: Shop,
    webhooks: Sequence[Webhook],
    handler: Handler,
    raised: list[Exception],
    fault: Exception,
) -> Parking | None:
    """Out of several, nobody knows whose fault it was: each has a run of its own, in order.

    What raises then has had its failed run, and the healthy stay healthy. When half of the time is
    gone, the rest travels on alone, nothing spent.
    """
    enough_s = shop.seconds_left() / 2
    for i, webhook in enumerate(webhooks):
        if shop.seconds_left() < enough_s:
            _settle_rest(webhooks[i:], Verdict(Letter.ALONE, reason_of(fault)))
            return None
        parking = _run(shop, [webhook], handler, raised)
        if parking is not None:
            return parking
    return None


def _handle(handler: Handler, shop: Shop, webhooks: Sequence[Webhook]) -> None:
    """Call the handler; one unreadable body, which has its verdict, does not hold up the others."""
    rest = list(webhooks)
    while rest:
        try:
            return handler(shop, rest)
        except Unreadable:
            left = [webhook for webhook in rest if webhook.verdict is None]
            if len(left) == len(rest):
                raise
            rest = left
    return None


def _settle_rest(webhooks: Sequence[Webhook], verdict: Verdict) -> None:
    for webhook in webhooks:
        if webhook.verdict is None:
            webhook.verdict = verdict


def runs(webhooks: Sequence[Webhook]) -> Iterator[tuple[str, list[Webhook]]]:
    """Neighbours with one handler, together: the order between handlers is kept."""
    current = ""
    some: list[Webhook] = []
    for webhook in webhooks:
        topic = topic_for(webhook.topic)
        name = topic.handler if topic else ""
        if some and name != current:
            yield current, some
            some = []
        current = name
        some.append(webhook)
    if some:
        yield current, some
