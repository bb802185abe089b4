"""What a handler is given: a shop, and webhooks that it settles."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TypeVar

from avnu.cache import CachedKind, kinds
from avnu.clock import Clock
from avnu.compliance.compliance import Compliance
from avnu.errors import Unreadable
from avnu.inbox.arrival import RECONCILE, Stored
from avnu.inbox.turn import Letter, Verdict
from avnu.services import Services
from avnu.shopify.admin import Admin
from avnu.shopify.lookups import Lookups
from avnu.shopify.payloads import decode
from avnu.shopify.reads import Reads
from avnu.shopify.reads.keeping import keeper
from avnu.store.columns import instant
from avnu.store.market.market import Market
from avnu.store.shops import Shops

T = TypeVar("T")
K = TypeVar("K", int, str)


class Shop:
    """The shop a batch belongs to: its Admin API, what is cached of it, and the time there is.

        product = shop.cached(kinds.PRODUCT, 5, at_least=version)
        products = shop.cached_many(kinds.PRODUCT, {5: version, 7: None})
        answer = shop.admin.query(QUERY, first=10)

    Whatever makes the shop wait is raised as a Park, and a handler lets it pass: the batch goes
    back to its line, nothing spent. ``services`` are asked for when it is first used.
    """

    def __init__(
        self, domain: str, clock: Clock, deadline_s: float, services: Callable[[], Services]
    ) -> None:
        self.domain = domain
        self._clock = clock
        self._deadline_s = deadline_s
        self._services = services

    def seconds_left(self) -> float:
        """Until the lease is no longer renewed and the process is ended."""
        return max(0.0, self._deadline_s - self._clock.monotonic())

    def now(self) -> datetime:
        """By the host's clock, in UTC."""
        return instant(self._clock.time())

    @cached_property
    def admin(self) -> Admin:
        """The shop's Admin API; no call of it lasts longer than ``seconds_left``."""
        return self._services().admin(self.domain, self._deadline_s)

    @cached_property
    def reads(self) -> Reads:
        """Whole products, stock and orders as Shopify has them now."""
        keep = keeper(self._services().cache, self.admin)
        return Reads(self.admin, self._clock, self.currency, keep)

    @property
    def market(self) -> Market:
        """The marketplace's own copy, of all shops: its methods are given ``domain``."""
        return self._services().market

    @property
    def shops(self) -> Shops:
        """How shops stand, in the database: its methods are given ``domain``."""
        return self._services().shops

    @property
    def compliance(self) -> Compliance:
        """Requests by privacy law, of all shops."""
        return self._services().compliance

    def put_away(self) -> None:
        """It has left: cached values, budget and parkings of it end, after its uninstall."""
        self._services().put_away(self.domain)

    @property
    def stale_after_s(self) -> float:
        """A webhook that was so long on its way is not believed (MARKET_STALE_SECONDS)."""
        return self._services().stale_after_s

    def count(self, counters: Mapping[str, int]) -> None:
        """Add to counters that live in the inbox, such as ``missed:products``."""
        self._services().count(counters)

    def cached(
        self,
        kind: CachedKind[T],
        id: int | str = "",  # noqa: A002 - Shopify's word
        *,
        at_least: int | None = None,
        ttl_s: float | None = None,
    ) -> T | None:
        """One thing from the cache, or from Shopify; None: there is no such thing.

        ``at_least``: a version (``version_ms`` of its updated_at) below which it is asked for anew;
        ``ttl_s``: how old it may be. To be called without ``id`` for what a shop has one of.
        """
        return self._lookups.get(kind, id, at_least=at_least, ttl_s=ttl_s)

    def cached_many(
        self, kind: CachedKind[T], wanted: Mapping[K, int | None], *, ttl_s: float | None = None
    ) -> dict[K, T | None]:
        """The same for many at once, id → least version: those that miss share one call."""
        return self._lookups.get_many(kind, wanted, ttl_s=ttl_s)

    def forget(self, kind: CachedKind[T], ids: Iterable[int | str] | None = None) -> None:
        """What is cached of these is outdated everywhere; without ids all of the kind.

        Before a changed thing is fetched, and after its change was committed.
        """
        self._lookups.forget(kind, ids)

    def currency(self) -> str:
        """The shop's, which the payloads of products and items do not name; "" if it has none."""
        profile = self.cached(kinds.SHOP)
        return profile.currency if profile else ""

    def go_on(self, *causes: str) -> None:
        """What else waits of this shop for one of these causes of parking runs now, in any area."""
        self._services().unpark(self.domain, causes)

    @cached_property
    def _lookups(self) -> Lookups:
        return Lookups(self.admin, self._services().cache)

    def __repr__(self) -> str:
        return f"Shop({self.domain})"


class Webhook:
    """One webhook in a handler's hands."""

    __slots__ = ("_stored", "attempt", "verdict")

    def __init__(self, stored: Stored, attempt: int = 1) -> None:
        self._stored = stored
        self.attempt = attempt  # 1 on the first run
        self.verdict: Verdict | None = None

    @property
    def shop(self) -> str:
        """The shop's full domain."""
        return self._stored.shop

    @property
    def id(self) -> str:
        """The webhook id."""
        return self._stored.webhook_id

    @property
    def topic(self) -> str:
        """As its header spells it, ``orders/create``."""
        return self._stored.topic

    @property
    def triggered_ms(self) -> int:
        """When Shopify triggered it, unix ms; 0 = unknown."""
        return self._stored.triggered_ms

    @property
    def accepted_ms(self) -> int:
        """When the inbox took it, unix ms."""
        return self._stored.accepted_ms

    @property
    def reconciled(self) -> bool:
        """It comes from a reconciliation: a difference that no webhook had told of until then."""
        return self._stored.name == RECONCILE

    @property
    def body(self) -> bytes:
        """The bytes that Shopify signed."""
        return self._stored.body

    def decode(self, kind: type[T]) -> T:
        """The body as ``kind``. What cannot be read is rejected: no retry will make it readable."""
        return self.understand(lambda: decode(self.body, kind))

    def understand(self, read: Callable[[], T]) -> T:
        """What ``read`` makes of it, and of its body; what raises Unreadable is rejected too."""
        try:
            return read()
        except Unreadable as fault:
            self.reject(f"{self.topic} is not readable: {fault}")
            raise

    def done(self) -> None:
        """It is dealt with."""
        self.verdict = Verdict(Letter.DONE)

    def retry(self, reason: str) -> None:
        """A failed run: tried again after the backoff, dead after QUEUE_ATTEMPTS runs."""
        self.verdict = Verdict(Letter.FAILED, reason)

    def reject(self, reason: str) -> None:
        """It can never work: a dead letter with this reason."""
        self.verdict = Verdict(Letter.REJECTED, reason)

    def leave(self) -> None:
        """Not now: it goes back to the front of its line, nothing spent."""
        self.verdict = Verdict(Letter.BACK)

    def __repr__(self) -> str:
        return f"Webhook({self.topic} of {self.shop}, {self.id})"


Handler = Callable[[Shop, Sequence[Webhook]], None]
