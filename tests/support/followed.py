"""A shop whose Shopify is a few dictionaries, and the marketplace's copy of it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, cast

import msgspec

from avnu.errors import BudgetSpent
from avnu.inbox.turn import Parking, Settlement
from avnu.run import run_batch
from avnu.settings import Settings
from avnu.shopify.reads import Reads
from avnu.store.columns import instant
from avnu.store.database import Store
from avnu.store.market.changes import ResourceKind
from avnu.store.market.market import Market
from avnu.store.market.versions import Item, Level, Location, Order, Product, Version
from avnu.webhook import Handler, Webhook
from tasks import inventory, orders, products
from tests.support.made_webhooks import made
from tests.support.market import SHOP, Hand
from tests.support.offline import OfflineShop

HANDLERS: dict[str, Handler] = {
    **products.area.handlers,
    **inventory.area.handlers,
    **orders.area.handlers,
}
NOW_S = 1000.0
"""After START of ``market.py``, so that nothing of the first minutes is unsettled."""


class FakeShopify:
    """What Shopify has of one shop now, and each question that it was asked, with the ids."""

    def __init__(self, clock: Hand) -> None:
        self._clock = clock
        self.has: dict[ResourceKind, dict[int, Version]] = {kind: {} for kind in ResourceKind}
        self.levels_of: dict[int, tuple[Level, ...]] = {}
        self.asked: list[tuple[str, tuple[int, ...]]] = []
        self.fault: Exception | None = None
        self.parts_until_fault = -1  # of a read that tells part by part

    def set(self, kind: ResourceKind, *versions: Version) -> None:
        self.has[kind].update((version.id, version) for version in versions)

    def products_by_part(self, ids: Iterable[int]) -> Iterator[dict[int, Product | None]]:
        return self._by_part("products", ResourceKind.PRODUCT, ids)

    def items(self, ids: Iterable[int]) -> dict[int, Item]:
        return self._plain("items", ResourceKind.ITEM, ids)

    def locations(self, ids: Iterable[int]) -> dict[int, Location]:
        return self._plain("locations", ResourceKind.LOCATION, ids)

    def orders_by_part(self, ids: Iterable[int]) -> Iterator[dict[int, Order | None]]:
        return self._by_part("orders", ResourceKind.ORDER, ids)

    def levels_by_part(
        self, item_ids: Iterable[int]
    ) -> Iterator[dict[int, tuple[Level, ...] | None]]:
        for one in self._note("levels", item_ids):
            levels = self.levels_of.get(one)
            yield {one: levels and tuple(self._as_read(level) for level in levels)}

    def existing(self, kind: ResourceKind, ids: Iterable[int]) -> frozenset[int]:
        return frozenset(
            one for one in self._note(f"existing {kind}", ids) if one in self.has[kind]
        )

    def _by_part(
        self, name: str, kind: ResourceKind, ids: Iterable[int]
    ) -> Iterator[dict[int, Any]]:
        for number, one in enumerate(self._note(name, ids)):
            if number == self.parts_until_fault:
                raise BudgetSpent(SHOP, 3.0)
            found = self.has[kind].get(one)
            yield {one: found and self._as_read(found)}

    def _plain(self, name: str, kind: ResourceKind, ids: Iterable[int]) -> dict[int, Any]:
        found = self.has[kind]
        return {one: self._as_read(found[one]) for one in self._note(name, ids) if one in found}

    def _note(self, name: str, ids: Iterable[int]) -> tuple[int, ...]:
        every = tuple(sorted(ids))
        self.asked.append((name, every))
        if self.fault:
            raise self.fault
        return every

    def _as_read(self, version: Any) -> Any:
        read_at = instant(self._clock.time())
        parts = {
            name: tuple(self._as_read(one) for one in getattr(version, name))
            for name in ("refunds", "fulfillments")
            if hasattr(version, name)
        }
        return msgspec.structs.replace(version, read_at=read_at, **parts)


class FollowedShop(OfflineShop):
    """Its time is a test's own; ``counted`` is what it brought to the inbox's counters."""

    def __init__(self, store: Store, clock: Hand) -> None:
        super().__init__(SHOP, clock)
        self.hand = clock
        self.copy = Market(store, clock)
        self.shopify = FakeShopify(clock)
        self.counted: Counter[str] = Counter()

    @cached_property
    def reads(self) -> Reads:
        return cast("Reads", self.shopify)

    @property
    def market(self) -> Market:
        return self.copy

    @property
    def stale_after_s(self) -> float:
        return Settings.load({}).market_stale_seconds

    def count(self, counters: Mapping[str, int]) -> None:
        self.counted.update(counters)

    def currency(self) -> str:
        return "EUR"

    def told(self, topic: str, body: Mapping[str, Any], **more: Any) -> Webhook:
        """A webhook accepted now; ``more`` as ``made`` has it."""
        return made(self.domain, topic, body, self.hand.time(), **more)

    def run(self, webhooks: Sequence[Webhook]) -> tuple[Settlement, list[Exception]]:
        """One batch, before the handlers of tasks/."""
        return run_batch(self, webhooks, HANDLERS)

    def handle(self, *webhooks: Webhook) -> str:
        """One batch; what became of each. Nothing may have raised, nor the shop parked."""
        settlement, raised = self.run(webhooks)
        assert (settlement.parkings, raised) == ({}, [])
        return letters(settlement)

    def parked(self, *webhooks: Webhook) -> tuple[str, Parking]:
        """One batch that parks the shop; what became of each."""
        settlement, raised = self.run(webhooks)
        assert raised == []
        return letters(settlement), settlement.parkings[self.domain]

    @property
    def calls(self) -> list[tuple[str, tuple[int, ...]]]:
        """What Shopify was asked since this was last looked at."""
        asked, self.shopify.asked = self.shopify.asked, []
        return asked


def letters(settlement: Settlement) -> str:
    """Verdicts in the order of the batch, by the letters of ``turn.Letter``."""
    return "".join(verdict.letter for verdict in settlement.verdicts)
