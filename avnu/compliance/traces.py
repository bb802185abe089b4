"""What is kept of a shop on DB 0: cached answers of Shopify, and its budget.

Of a customer there may be something in pages alone: those of an order with very many shipments have
their tracking. Shop settings, locations, products, variants and subscriptions speak of no customer
(``WITHOUT_CUSTOMERS``; a test asks for a decision about each kind that is added).
"""

from collections.abc import Iterator
from typing import Any

import redis

from avnu import keys
from avnu.cache import kinds
from avnu.keys import Keys

WITHOUT_CUSTOMERS = frozenset(
    kind.name
    for kind in (
        kinds.SHOP, kinds.LOCATIONS, kinds.PRODUCT, kinds.VARIANT, kinds.SUBSCRIPTIONS,
    )
)  # fmt: skip
WITH_CUSTOMERS = (kinds.PAGE,)

_SCAN = 1_000


class Traces:
    """Deletes them; ``client`` is on DB 0. Raises what redis-py raises.

    To be called after ``Cache.invalidate``, so that no load under way stores its answer later.
    """

    def __init__(self, client: "redis.Redis", names: Keys) -> None:
        self._client: Any = client
        self._names = names

    def delete_customers(self, shop: str) -> int:
        """Cached values that may speak of a customer; answers how many."""
        found = [key for kind in WITH_CUSTOMERS for key in self._entries(shop, f"{kind.name}.*")]
        return self._delete(found)

    def delete_shop(self, shop: str) -> int:
        """All of a shop; answers how many keys."""
        short = keys.short(shop)
        of_shop = ("cache_marks", "budget", "budget_leases")
        found = [self._names.of(name, short).encode() for name in of_shop]
        return self._delete([*found, *self._entries(shop, "*")])

    def _entries(self, shop: str, kind: str) -> Iterator[bytes]:
        for name in ("cache_entry", "cache_lease"):
            pattern = self._names.of(name, f"{kind}/{keys.short(shop)}/*")
            yield from self._client.scan_iter(match=pattern, count=_SCAN)

    def _delete(self, found: list[bytes]) -> int:
        return int(self._client.unlink(*found)) if found else 0
