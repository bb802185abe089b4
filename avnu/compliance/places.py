"""Everything in which Avnu keeps something of shops and customers, and the ledger beside it."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from redis.exceptions import RedisError

from avnu.cache import Cache
from avnu.clock import Clock
from avnu.compliance.exports import Exports
from avnu.compliance.ledger import Ledger, Request
from avnu.compliance.traces import Traces
from avnu.errors import InboxUnavailable, Park
from avnu.inbox.bodies import Bodies
from avnu.settings import Settings
from avnu.shopify.payloads.compliance import Customer
from avnu.store.columns import instant
from avnu.store.database import Store
from avnu.store.market.market import Market
from avnu.store.subjects import Subjects


@dataclasses.dataclass(frozen=True, kw_only=True)
class Places:
    """Of one process. ``put_away(shop)`` ends what is kept of a shop that has left."""

    settings: Settings
    clock: Clock
    store: Store
    subjects: Subjects
    market: Market
    bodies: Bodies
    cache: Cache
    traces: Traces
    put_away: Callable[[str], object]

    @property
    def ledger(self) -> Ledger:
        """What was asked for, and what was done."""
        return Ledger(self.store, self.clock)

    @property
    def exports(self) -> Exports:
        """The folder of files for merchants."""
        return Exports(Path(self.settings.compliance_export_dir))

    def now(self) -> datetime:
        """By the clock of the host."""
        return instant(self.clock.time())

    def name(self, request: Request, customer: Customer | None) -> None:
        """Whom the request is about, in the ledger."""
        if customer is not None and request.subject is None:
            subject = self.subject_of(request.shop, customer)
            self.ledger.name(request.shop, request.id, subject)

    def subject_of(self, shop: str, customer: Customer) -> str | None:
        """By id, or by what else there is."""
        if customer.id is not None:
            return self.subjects.of_id(shop, customer.id)
        if customer.email:
            return self.subjects.of_email(shop, customer.email)
        return self.subjects.of_phone(shop, customer.phone) if customer.phone else None

    def orders_of(
        self, shop: str, customer: Customer | None, named: tuple[int, ...] | None
    ) -> set[int]:
        """The orders that a request names, and those that the database knows of the customer."""
        ids = set(named or ())
        if customer is not None and customer.id is not None:
            ids |= set(self.market.orders_of(shop, customer.id))
        return ids

    def remove_export(self, one: Request, because: Request) -> None:
        """The file of a request, and its name, because of another request."""
        assert one.export is not None
        # First the name: who is just writing the file looks for it afterwards.
        self.ledger.unfile(one)
        self.exports.remove(one.export)
        self.ledger.add(because.shop, because.id, exports_removed=1)


@contextmanager
def waiting() -> Iterator[None]:
    """Redis is away: the request waits, nothing spent."""
    try:
        yield
    except (InboxUnavailable, RedisError) as fault:
        raise Park("redis", None, f"Redis: {type(fault).__name__}") from fault
