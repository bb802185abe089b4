"""The Admin API of one shop, as a handler holds it (``shop.admin``).

    profile = admin.query(SHOP)
    locations = list(admin.pages(LOCATIONS, lambda data: data.locations))
    products = admin.nodes(PRODUCTS, ids)                  # {id: node}, one call per 250 ids
    admin.mutate(SUBSCRIBE, {"topic": "ORDERS_CREATE", "uri": address}, of=webhook)

Every call goes through breaker and budget. What makes the shop wait is raised as a Park, which a
handler need not catch; ``CallRefused`` means that the call itself is wrong.
"""

import functools
import logging
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeVar, cast

import msgspec

from avnu.budget import Class
from avnu.errors import TooDear, UnreadableAnswer, UserErrors
from avnu.shopify.answers import Reading, said
from avnu.shopify.calls import Calls
from avnu.shopify.query import (
    Connection,
    Mutation,
    NodesQuery,
    Payload,
    Query,
    Request,
    idempotency_key,
)

log = logging.getLogger(__name__)

T = TypeVar("T")
N = TypeVar("N")
P = TypeVar("P", bound=Payload)

# A connection that never ends is a fault; this many pages are more than any shop's list has.
_MOST_PAGES = 10_000


class Named(Protocol):
    """What an idempotency key is made from: a webhook."""

    @property
    def id(self) -> str:
        """The webhook id."""


class Admin:
    """``until_s``: when (monotonic) the handler's time is over; no call lasts longer."""

    def __init__(self, shop: str, calls: Calls, until_s: float, cls: Class = Class.BULK) -> None:
        self.shop = shop
        self._calls = calls
        self.until_s = until_s
        self._cls = cls

    @property
    def interactive(self) -> "Admin":
        """The same, for calls that a person waits for: bulk calls leave room for them."""
        return Admin(self.shop, self._calls, self.until_s, Class.INTERACTIVE)

    def query(self, query: Query[T], **variables: Any) -> T:
        """The answer. Raises CallRefused, and Park for what makes the shop wait."""
        reading = self._make(query.request(variables))
        if reading.fault is not None and not (query.partial and reading.data):
            raise reading.fault
        data: T = self._decode(reading.data, query.name, query.answer)
        return data

    def pages(
        self, query: Query[T], connection: Callable[[T], Connection[N]], **variables: Any
    ) -> Iterator[N]:
        """What a list holds, page by page as it is consumed; the query has a variable ``after``.

        What has been consumed stays good when a later page raises.
        """
        after: str | None = None
        for _ in range(_MOST_PAGES):
            page = connection(self.query(query, after=after, **variables))
            yield from page.nodes
            before, after = after, page.page_info.end_cursor
            if not page.page_info.has_next_page:
                return
            if after is None or after == before:
                break
        raise UnreadableAnswer(self.shop, f"the pages of {query.name} have no end")

    def nodes(self, query: NodesQuery[N], ids: Iterable[int]) -> dict[int, N]:
        """What there is of ``ids``, by id, in as few calls as the cost limit allows.

        What Shopify does not have (any more) is missing in the answer.
        """
        wanted = list(dict.fromkeys(ids))
        found: dict[int, N] = {}
        for start in range(0, len(wanted), query.most):
            found |= self._some_nodes(query, wanted[start : start + query.most])
        return found

    def mutate(
        self, mutation: Mutation[P], variables: dict[str, Any], *, of: Named, part: str = ""
    ) -> P:
        """Carry it out, and return its payload. Raises UserErrors when Shopify refuses.

        ``of`` is the webhook that asks for it: running it again sends the same key, so an
        idempotent mutation is carried out once. ``part`` tells several of one webhook apart.
        """
        if mutation.idempotent:
            key = idempotency_key(self.shop, of.id, mutation.name, part)
            variables = {**variables, "key": key}
        data = self._whole(mutation.request(variables))
        found: dict[str, P | None] = self._decode(
            data, mutation.name, _payloads(cast("Hashable", mutation.answer))
        )
        payload = found.get(mutation.field)
        if payload is None:
            raise UnreadableAnswer(self.shop, f"no {mutation.field} in the answer")
        if payload.user_errors:
            errors = [(".".join(e.field or ()), said(e.message)) for e in payload.user_errors]
            raise UserErrors(self.shop, errors)
        return payload

    def _some_nodes(self, query: NodesQuery[N], ids: Sequence[int]) -> dict[int, N]:
        try:
            data = self._whole(query.request(ids))
        except TooDear:
            if len(ids) == 1:
                raise
            # Dearer than reckoned: Shopify changes what fields cost.
            half = len(ids) // 2
            return self._some_nodes(query, ids[:half]) | self._some_nodes(query, ids[half:])
        answer: dict[str, list[N | None]] = self._decode(
            data, query.name, _nodes(cast("Hashable", query.answer))
        )
        nodes = answer.get("nodes", [])
        if len(nodes) != len(ids):
            raise UnreadableAnswer(self.shop, f"{len(nodes)} nodes for {len(ids)} ids")
        return {number: node for number, node in zip(ids, nodes, strict=True) if node is not None}

    def _whole(self, request: Request) -> bytes:
        reading = self._make(request)
        if reading.fault is not None:
            raise reading.fault
        return reading.data

    def _make(self, request: Request) -> Reading:
        return self._calls.make(self.shop, request, self._cls, self.until_s)

    def _decode(self, data: bytes, query: str, kind: Any) -> Any:
        """The data as ``kind``. What does not fit is told loudly: it may be ours to mend."""
        try:
            return _decoder(kind).decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
            # Names the field and never its value.
            reason = str(fault) if isinstance(fault, msgspec.ValidationError) else "not JSON"
        log.error("the answer to query %s is not as its type says: %s", query, reason)
        raise UnreadableAnswer(self.shop, f"the answer to {query} is not as asked: {reason}")


# Types made while running are slow to read by, so each is prepared once.


@functools.cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


@functools.cache
def _nodes(kind: Any) -> Any:
    return dict[str, list[kind | None]]


@functools.cache
def _payloads(kind: Any) -> Any:
    return dict[str, kind | None]
