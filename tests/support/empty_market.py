"""A marketplace's copy that keeps nothing, and an Admin API that has nothing."""

from collections.abc import Iterable, Iterator
from typing import Any

from avnu.shopify.reads import Reads
from avnu.store.market.market import Market
from avnu.store.market.outcomes import Stamp, Written
from avnu.store.market.versions import Key


class NoMarket(Market):
    """Takes all, and knows nothing of it."""

    def __init__(self) -> None:
        pass

    def stamps(self, *_: Any) -> dict[Key, Stamp]:
        return {}

    def put_orders(self, *_: Any) -> Written[int]:
        return Written()

    def _put(self, *_: Any) -> Written[Any]:
        return Written()

    def _delete(self, *_: Any) -> Written[Any]:
        return Written()


class NoReads(Reads):
    """Whatever is asked for is not there."""

    def __init__(self) -> None:
        pass

    def products_by_part(self, ids: Iterable[int]) -> Iterator[dict[int, Any]]:
        yield dict.fromkeys(ids)

    def levels_by_part(self, ids: Iterable[int]) -> Iterator[dict[int, Any]]:
        yield dict.fromkeys(ids)

    def orders_by_part(self, ids: Iterable[int]) -> Iterator[dict[int, Any]]:
        yield dict.fromkeys(ids)

    def items(self, *_: Any) -> dict[int, Any]:
        return {}

    def locations(self, *_: Any) -> dict[int, Any]:
        return {}

    def existing(self, *_: Any) -> frozenset[int]:
        return frozenset()
