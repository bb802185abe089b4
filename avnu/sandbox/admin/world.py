"""All shops of the sandbox, as the Admin API shows them."""

import re
import threading
from collections.abc import Iterable, Mapping
from typing import Self

from avnu.sandbox.admin.shop_world import ShopWorld
from avnu.sandbox.day import Day
from avnu.sandbox.shops import SandboxShop, make_shops, shop_named
from avnu.sandbox.store import FIRST_DAY
from avnu.sandbox.stories import fill

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
        touched: Mapping[tuple[str, int], tuple[int, float]] | None = None,
        deleted: Iterable[tuple[str, int]] = (),
    ) -> None:
        self.start = start
        self.strict = strict
        self._lock = threading.Lock()
        edits: dict[str, dict[int, tuple[int, float]]] = {}
        for (domain, number), last in (touched or {}).items():
            edits.setdefault(domain, {})[number] = last
        gone: dict[str, list[int]] = {}
        for domain, number in deleted:
            gone.setdefault(domain, []).append(number)
        self._shops = {
            shop.domain: ShopWorld(
                shop, start, edits.get(shop.domain, {}), gone.get(shop.domain, ())
            )
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
    ) -> Self:
        """The evening of a day: what ``Store(seed, shops, start).events(deliveries)`` leaves.

        No answer is older than a webhook of that day: a product that was edited has its last
        version, one that was deleted is gone.
        """
        day = Day(seed, make_shops(seed, shops), start)
        fill(day, deliveries)
        for _ in day.play(deliveries):
            pass
        return cls(day.shops, start=start, strict=strict, touched=day.touched, deleted=day.deleted)

    def take_in(self, other: "World") -> list[str]:
        """The shops of another world are as they are there from now on; returns their domains."""
        taken = {domain: other.shop(domain) for domain in other.domains}
        with self._lock:
            self._shops |= taken
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
                self._shops[domain] = ShopWorld(shop_named(domain), self.start, {}, ())
            return self._shops[domain]
