"""The further pages of one list, kept for other processes so that a long list comes to an end.

All variants of a large product cost more points than a shop's bucket holds: the read parks on its
way, and without what is kept here its next run would park at the same place.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from avnu.clock import Clock
from avnu.errors import ReadOvertaken, UnreadableAnswer
from avnu.shopify.admin import Admin
from avnu.shopify.query import Connection, PageInfo, Query
from avnu.shopify.reads.queries.more import More
from avnu.store.market.versions import SETTLED_AFTER

N = TypeVar("N")

Keep = Callable[[str, Callable[[], bytes]], bytes]
"""``keep(name, load)``: what ``load`` once answered for this name, or what it answers now."""

# A list that never ends is a fault; Shopify's longest has 2,048 variants.
_MOST_PAGES = 1_000


class Pages:
    """Reads lists to their ends. ``keep``: where pages are kept, if anywhere."""

    def __init__(self, admin: Admin, clock: Clock, keep: Keep | None) -> None:
        self._admin = admin
        self._clock = clock
        self._keep = keep

    def whole(
        self,
        first: Connection[N],
        query: Query[More[Any]],
        owner: str,
        version: datetime | None = None,
    ) -> Connection[N]:
        """``first`` and all that comes after it. ``owner``: the global id.

        ``version``: the owner's ``updated_at`` that all pages must have; None where it does not
        tell when the list changes. Raises ReadOvertaken, and what Admin raises.
        """
        nodes: list[N] = list(first.nodes)
        info = first.page_info
        for _ in range(_MOST_PAGES):
            if not info.has_next_page:
                return Connection(nodes=tuple(nodes), page_info=PageInfo())
            before = info.end_cursor
            page = self._page(query, owner, before, version)
            nodes += page.nodes
            info = page.page_info
            if before is None or info.end_cursor == before:
                break
        raise UnreadableAnswer(self._admin.shop, f"the pages of {query.name} have no end")

    def _page(
        self, query: Query[More[Any]], owner: str, after: str | None, version: datetime | None
    ) -> Connection[Any]:
        if version is None or self._keep is None or not self._settled(version):
            return _of(self._ask(query, owner, after, version))
        # What is older than that has one content only, whenever it is read.
        name = f"{query.name}/{owner.rpartition('/')[2]}/{int(version.timestamp())}/{_short(after)}"
        kept = self._keep(
            name, lambda: msgspec.json.encode(self._ask(query, owner, after, version))
        )
        try:
            return _of(msgspec.json.decode(kept, type=query.answer))
        except msgspec.MsgspecError:  # another release's
            return _of(self._ask(query, owner, after, version))

    def _ask(
        self, query: Query[More[Any]], owner: str, after: str | None, version: datetime | None
    ) -> More[Any]:
        answer = self._admin.query(query, id=owner, after=after)
        if answer.node is None or version not in {None, answer.node.updated_at}:
            raise ReadOvertaken(self._admin.shop, query.name)
        return answer

    def _settled(self, version: datetime) -> bool:
        return self._clock.time() - version.timestamp() >= SETTLED_AFTER.total_seconds()


def _of(answer: More[Any]) -> Connection[Any]:
    assert answer.node is not None
    return answer.node.page


def _short(cursor: str | None) -> str:
    return hashlib.blake2b((cursor or "").encode(), digest_size=8).hexdigest()
