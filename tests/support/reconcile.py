"""A Shopify that is only versions, and runs of reconciliation before it."""

import random
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from avnu.clock import Clock
from avnu.errors import Park
from avnu.inbox import Inbox
from avnu.reconcile.steps import Steps
from avnu.settings import Settings
from avnu.shopify.reads import Page, Seen
from avnu.store.database import Store
from avnu.store.market.changes import ResourceKind
from avnu.store.market.market import Market
from avnu.store.market.versions import Key, Level, LevelKey
from avnu.store.shops import Status
from avnu.store.tables import shops
from tests.support.inbox import new_owner
from tests.support.market import SHOP, START


class Listed:
    """What one shop has at Shopify, as ``shop.reads`` tells of it: ``has[kind][key]`` is when it
    was last changed. ``refuses`` is raised by each call while it is set."""

    def __init__(self, page: int = 2) -> None:
        self.has: dict[ResourceKind, dict[Key, datetime]] = {kind: {} for kind in ResourceKind}
        self.page = page
        self.refuses: Exception | None = None
        self.asked: list[tuple[ResourceKind, datetime | None, str | None]] = []

    def changed(self, kind: ResourceKind, since: datetime | None, after: str | None) -> Page:
        self._answer()
        self.asked.append((kind, since, after))
        every = sorted((at, key) for key, at in self.has[kind].items())
        rows = [Seen(key, at) for at, key in every if since is None or at >= since]
        start = int(after or 0)
        end = start + self.page
        return Page(tuple(rows[start:end]), str(end) if end < len(rows) else None)

    def existing(self, kind: ResourceKind, ids: Iterable[int]) -> frozenset[int]:
        self._answer()
        return frozenset(number for number in ids if number in self.has[kind])

    def levels(self, item_ids: Iterable[int]) -> dict[int, tuple[Level, ...]]:
        self._answer()
        found: dict[int, tuple[Level, ...]] = dict.fromkeys(item_ids, ())
        for key, at in self.has[ResourceKind.LEVEL].items():
            assert isinstance(key, LevelKey)
            if key.inventory_item_id in found:
                level = Level(**key._asdict(), updated_at=at)
                found[key.inventory_item_id] += (level,)
        return found

    def _answer(self) -> None:
        if self.refuses is not None:
            raise self.refuses


class ListedShop:
    """As much of a handler's shop as a comparison uses."""

    def __init__(self, domain: str, reads: Listed, market: Market) -> None:
        self.domain = domain
        self.reads = reads
        self.market = market


class Client:
    """As much of ``Shopify`` as steps use."""

    def __init__(self, store: Store) -> None:
        self.store = store


class ListedSteps(Steps):
    """Steps before a ``Listed`` shop."""

    def __init__(
        self, settings: Settings, clock: Clock, inbox: Inbox, store: Store, reads: Listed
    ) -> None:
        client: Any = Client(store)
        super().__init__(settings, clock, random.Random(7), inbox, lambda: client)
        self.reads = reads
        self.market = Market(store, clock)

    def shop(self, domain: str) -> Any:
        return ListedShop(domain, self.reads, self.market)


def have_app(store: Store, *domains: str, status: Status = Status.INSTALLED) -> None:
    """Rows of shops, without tokens."""
    rows = [
        {"domain": one, "status": status.value, "reason": "", "plan": "", "scopes": "",
         "refresh_failures": 0, "updated_at": START}
        for one in domains
    ]  # fmt: skip
    with store.writing() as connection:
        connection.execute(shops.insert(), rows)


def run(steps: Steps, resource: str, since: datetime | None = None, grace_s: float = 0.0) -> int:
    """One whole run in the foreground; how many steps it took."""
    mark = steps.marks.seize(SHOP, resource, new_owner(), since)
    assert mark is not None
    taken = 0
    while mark.run_at is not None:
        taken += 1
        mark = steps.step(mark, grace_s)
        assert mark is not None
    return taken


class Refused(Park):
    """Shopify, when it does not want to be asked."""

    def __init__(self, cause: str = "budget", wait_s: float | None = 5.0) -> None:
        super().__init__(cause, wait_s)
