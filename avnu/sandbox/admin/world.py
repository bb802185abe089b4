"""All shops of the sandbox, as the Admin API shows them."""

import re
import threading
from collections.abc import Iterable, Mapping
from typing import Self

from avnu.sandbox.admin.shop_world import ShopWorld
from avnu.sandbox.shops import USUAL_SIZES, SandboxShop, Sizes, make_shops, shop_named
from avnu.sandbox.state import ShopState
from avnu.sandbox.store import FIRST_DAY, played

_DOMAIN = re.compile(r"[a-z0-9][a-z0-9-]{0,60}\.myshopify\.com")


class World:
    """The shops, by domain.

    ``strict``: a domain that is not among ``shops`` does not exist; otherwise it is made with
    ``shop_named`` when it is first asked for. ``start``: see ``ShopWorld``.
    """

    def __init__(
        self,
        shops: Iterable[SandboxShop] = (),
        *,
        start: float = FIRST_DAY,
        strict: bool = False,
        states: Mapping[str, ShopState] | None = None,
        left: Iterable[str] = (),
    ) -> None:
        self.start = start
        self.strict = strict
        #: Shops that have no app any more on the evening of the day.
        self.left = frozenset(left)
        self._lock = threading.Lock()
        known = states or {}
        self._shops = {
            shop.domain: ShopWorld(known.get(shop.domain) or ShopState(shop), start)
            for shop in shops
        }

    @classmethod
    def played(
        cls,
        seed: int,
        shops: int,
        deliveries: int,
        start: float = FIRST_DAY,
        *,
        strict: bool = False,
        sizes: Sizes = USUAL_SIZES,
        days: int = 1,
    ) -> Self:
        """The last evening: what ``Store(…).events(deliveries)`` of the same arguments leaves.

        No answer is older than a webhook of that time: what was changed is as it was told last,
        what was deleted is gone.
        """
        day = played(seed, make_shops(seed, shops, sizes), start, deliveries, days)
        for _ in day.play():
            pass
        return cls(day.shops, start=start, strict=strict, states=day.states, left=day.left)

    def take_in(self, other: "World") -> list[str]:
        """The shops of another world are as they are there from now on; returns their domains."""
        taken = {domain: other.shop(domain) for domain in other.domains}
        with self._lock:
            self._shops |= taken
            self.left |= other.left
        return list(taken)

    @property
    def domains(self) -> list[str]:
        """Of the shops that exist by now."""
        with self._lock:
            return list(self._shops)

    def shop(self, domain: str) -> ShopWorld:
        """One shop; raises KeyError when it does not exist, nor may be made."""
        with self._lock:
            if domain not in self._shops:
                if self.strict or not _DOMAIN.fullmatch(domain):
                    raise KeyError(domain)
                self._shops[domain] = ShopWorld(ShopState(shop_named(domain)), self.start)
            return self._shops[domain]
