"""Webhooks whose bodies say what their handler does, and the ways to hand them in."""

import base64
import hashlib
import hmac
import itertools
import json
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import urllib3

from avnu import keys
from avnu.errors import InboxUnavailable
from avnu.inbox import Inbox
from avnu.inbox.arrival import Answer, Arrival
from avnu.shopify.topics import TOPICS

SECRET = b"shpss_made_up_for_tests"
# One topic per area that carries no whole resource, so that each of its webhooks runs.
PLAIN = {
    "orders": "orders/edited",
    "products": "products/delete",
    "inventory": "inventory_items/delete",
    "app": "app/scopes_update",
}
_KEPT = (Answer.ACCEPTED, Answer.DUPLICATE)


class Maker:
    """Makes webhooks, each with an id and a body that no other has."""

    def __init__(self, chance: random.Random, count: Iterator[int] | None = None) -> None:
        self.chance = chance
        self._count = count or itertools.count(1)

    def fork(self) -> "Maker":
        """One for another thread: ids are shared, chance is its own."""
        return Maker(random.Random(self.chance.random()), self._count)

    def make(self, shop: str = "shop-1", area: str = "orders", **body: Any) -> Arrival:
        """One webhook of ``shop`` (its short name); ``body`` as scripted.py reads it."""
        number = next(self._count)
        topic = TOPICS[PLAIN[area]]
        text = json.dumps({"n": number, "pad": "x" * 64, **body}).encode()
        mac = hmac.digest(SECRET, text, hashlib.sha256)
        return Arrival(
            keys.domain(shop), f"w-{number:06d}", topic.name, area, topic.destructive, mac, text
        )

    def some(
        self, n: int, shops: int = 8, acts: Mapping[str, float] | None = None
    ) -> list[Arrival]:
        """``n`` webhooks of any of ``shops`` shops, most of them healthy."""
        weights = acts or {"done": 92, "sleep": 5, "raise": 3}
        drawn = self.chance.choices(list(weights), list(weights.values()), k=n)
        return [self._one(act, shops) for act in drawn]

    def _one(self, act: str, shops: int) -> Arrival:
        shop, area = f"shop-{self.chance.randrange(shops)}", self.chance.choice(list(PLAIN))
        if act == "raise":  # once in its batch, once alone, so that it spends an attempt
            return self.make(shop, area, do=["raise", "raise", "done"])
        return self.make(shop, area, do=act, s=self.chance.uniform(0.01, 0.1))


class Sender(Protocol):
    """Hands webhooks in and says which of them are acknowledged; the others are sent again."""

    def send(self, arrivals: Sequence[Arrival]) -> list[Arrival]: ...


class Direct:
    """Straight into the inbox, as a group of the receiver would."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    def send(self, arrivals: Sequence[Arrival]) -> list[Arrival]:
        try:
            answers = self._inbox.accept(arrivals)
        except InboxUnavailable:
            return []
        return [one for one, answer in zip(arrivals, answers, strict=True) if answer in _KEPT]


class Posted(NamedTuple):
    """One POST: status (0: no answer at all), when it was answered and how long that took."""

    status: int
    at_s: float
    took_s: float


class Post:
    """One POST after the other to a receiver, signed as Shopify does; 200 acknowledges."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/webhooks/shopify"
        self._pool = urllib3.PoolManager(retries=False, timeout=5)
        self.log: list[Posted] = []

    def send(self, arrivals: Sequence[Arrival]) -> list[Arrival]:
        return [arrival for arrival in arrivals if self.post(arrival).status == 200]

    def post(self, arrival: Arrival) -> Posted:
        began_s = time.monotonic()
        try:
            answer = self._pool.request(
                "POST", self._url, body=arrival.body, headers=signed_headers(arrival)
            )
            status = answer.status
        except urllib3.exceptions.HTTPError:
            status = 0
        at_s = time.monotonic()
        self.log.append(Posted(status, at_s, at_s - began_s))
        return self.log[-1]

    def first_kept(self, since_s: float) -> float | None:
        """Seconds from ``since_s`` to the first 200 after it."""
        return next(
            (p.at_s - since_s for p in self.log if p.status == 200 and p.at_s > since_s), None
        )


def signed_headers(arrival: Arrival) -> dict[str, str]:
    """As Shopify sends them with a classic webhook."""
    return {
        "Content-Type": "application/json",
        "X-Shopify-Topic": arrival.topic,
        "X-Shopify-Shop-Domain": arrival.shop,
        "X-Shopify-Webhook-Id": arrival.webhook_id,
        "X-Shopify-Hmac-Sha256": base64.b64encode(arrival.mac).decode(),
    }
