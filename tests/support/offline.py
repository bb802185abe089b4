"""A shop without Shopify, for tests of handlers alone: look-ups find nothing, and are noted."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, NoReturn, TypeVar

from avnu.cache import CachedKind
from avnu.clock import Clock, SystemClock
from avnu.compliance.compliance import Compliance
from avnu.compliance.ledger import Request
from avnu.errors import UnknownShop
from avnu.services import Services
from avnu.shopify.reads import Reads
from avnu.store.columns import instant
from avnu.store.market.market import Market
from avnu.store.shops import Shops
from avnu.webhook import Shop
from tests.support.empty_market import NoMarket, NoReads

T = TypeVar("T")
K = TypeVar("K", int, str)


def no_services() -> Services:
    """For a shop whose handlers must not call."""
    raise AssertionError("this test has no services")


class NoShops(Shops):
    """A database that knows no shop."""

    def __init__(self) -> None:
        pass

    def get(self, domain: str) -> NoReturn:
        raise UnknownShop(domain)

    def describe(self, domain: str, **_: object) -> NoReturn:
        raise UnknownShop(domain)


class NoCompliance(Compliance):
    """Notes requests, and carries out none."""

    def __init__(self) -> None:
        self.noted: list[str] = []

    def note(self, shop: str, id_: str, topic: str, received_ms: int) -> Request:
        self.noted.append(id_)
        received_at = instant(received_ms / 1000)
        return Request(
            shop=shop, id=id_, topic=topic, received_at=received_at, due_at=received_at, evidence={}
        )

    def data_requested(self, *_: object) -> None:
        pass

    def customer_redacted(self, *_: object) -> None:
        pass

    def shop_redacted(self, *_: object) -> None:
        pass


class OfflineShop(Shop):
    """``asked`` and ``forgotten`` are the look-ups and invalidations: kind and ids."""

    def __init__(
        self, domain: str, clock: Clock | None = None, deadline_s: float = 10.0**9
    ) -> None:
        super().__init__(domain, clock or SystemClock(), deadline_s, no_services)
        self.asked: list[tuple[str, tuple[Any, ...]]] = []
        self.forgotten: list[tuple[str, tuple[Any, ...]]] = []
        self.let_go: list[str] = []
        self.away = False

    def cached(
        self,
        kind: CachedKind[T],
        id: int | str = "",  # noqa: A002 - Shopify's word
        *,
        at_least: int | None = None,  # noqa: ARG002 - as Shop has it
        ttl_s: float | None = None,  # noqa: ARG002
    ) -> T | None:
        self.asked.append((kind.name, (id,)))
        return None

    def cached_many(
        self,
        kind: CachedKind[T],
        wanted: Mapping[K, int | None],
        *,
        ttl_s: float | None = None,  # noqa: ARG002
    ) -> dict[K, T | None]:
        self.asked.append((kind.name, tuple(wanted)))
        return dict.fromkeys(wanted)

    def forget(self, kind: CachedKind[T], ids: Iterable[int | str] | None = None) -> None:
        self.forgotten.append((kind.name, tuple(ids or ())))

    @cached_property
    def reads(self) -> Reads:
        return NoReads()

    @property
    def market(self) -> Market:
        return NoMarket()

    @property
    def stale_after_s(self) -> float:
        return 300.0

    def count(self, counters: Mapping[str, int]) -> None:
        pass

    @property
    def shops(self) -> Shops:
        return NoShops()

    @cached_property
    def compliance(self) -> NoCompliance:
        return NoCompliance()

    def put_away(self) -> None:
        self.away = True

    def go_on(self, *causes: str) -> None:
        self.let_go += causes
