"""The webhook subscriptions that the app has made in one shop."""

import threading

import msgspec

from avnu.sandbox.encoding import steady_id
from avnu.sandbox.shops import SandboxShop


class Subscription(msgspec.Struct, frozen=True):
    """One subscription, as the API shows it."""

    id: int
    topic: str  # "PRODUCTS_UPDATE"
    uri: str
    format: str
    include_fields: tuple[str, ...]
    filter: str | None
    version: str  # API version whose payloads it gets
    created_at: float  # unix seconds


class TopicTaken(Exception):
    """There is a subscription of this topic to this address."""


class Subscriptions:
    """All of one shop. Safe to use from several threads."""

    def __init__(self, shop: SandboxShop) -> None:
        self._shop = shop
        self._lock = threading.Lock()
        self._all: dict[int, Subscription] = {}
        self._made = 0

    def all(self) -> list[Subscription]:
        """In the order in which the API lists them: by id."""
        with self._lock:
            return sorted(self._all.values(), key=lambda one: one.id)

    def get(self, own_id: int) -> Subscription | None:
        """One of them, or None when there is no such."""
        return self._all.get(own_id)

    def add(
        self,
        topic: str,
        uri: str,
        version: str,
        at: float,
        *,
        format: str = "JSON",  # noqa: A002 - Shopify's name
        include_fields: tuple[str, ...] = (),
        filter: str | None = None,  # noqa: A002 - Shopify's name
    ) -> Subscription:
        """A new subscription; raises TopicTaken for one that is there already."""
        with self._lock:
            if any((one.topic, one.uri) == (topic, uri) for one in self._all.values()):
                raise TopicTaken
            self._made += 1
            own_id = steady_id(self._shop.domain, "subscription", self._made)
            made = Subscription(own_id, topic, uri, format, include_fields, filter, version, at)
            self._all[own_id] = made
            return made

    def remove(self, own_id: int) -> bool:
        """Whether there was such a subscription; it is gone now."""
        with self._lock:
            return self._all.pop(own_id, None) is not None
