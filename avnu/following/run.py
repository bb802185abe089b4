"""One handler's run over its batch, step by step."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Generic, cast

from avnu.errors import Park
from avnu.following.doubt import (
    Need,
    happened_at,
    heard_at,
    is_known,
    least_wanted,
    needs,
    newest_told,
    rest_s,
    worth_putting,
)
from avnu.following.followed import Followed, K, Put, Told
from avnu.store.market.outcomes import Written
from avnu.webhook import Shop

_UNSETTLED = "unsettled"
# A version of the far future would wait as long: it is a failed run instead.
_LONGEST_REST_S = 60.0


def changed(
    shop: Shop, resource: Followed[K], told: Sequence[Told[K]], put: Put | None = None
) -> None:
    """Webhooks that say what a resource is now, or that it is another than before.

    ``put`` writes the versions that are told where they are those of parts; what is read is
    written by the resource's own. Settles every webhook, but for those that it parks the shop for.
    """
    run = Run(shop, resource, told)
    with run.counted():
        in_doubt = run.put_what_is_told(put or resource.put)
        run.read(in_doubt)
    run.park_for_the_rest()


def deleted(shop: Shop, resource: Followed[K], told: Sequence[Told[K]]) -> None:
    """Webhooks that say that a resource is no more; what Shopify still has is put instead."""
    run = Run(shop, resource, told)
    with run.counted():
        there = run.delete_what_is_gone()
        run.read_what_is_still_there(there)
    run.park_for_the_rest()


class Run(Generic[K]):
    """What has become of a batch so far.

    A webhook is settled with the commit that makes its effect last: what a later call parks the
    shop for is the rest.
    """

    def __init__(self, shop: Shop, resource: Followed[K], told: Sequence[Told[K]]) -> None:
        self._shop = shop
        self._resource = resource
        self._told = told
        self._by_key: defaultdict[K, list[Told[K]]] = defaultdict(list)
        for one in told:
            self._by_key[one.key].append(one)
        self._rests_s: dict[K, float] = {}  # to come again after so long
        self._contradicted: set[K] = set()
        self._counts: Counter[str] = Counter()

    # ---- steps

    def put_what_is_told(self, put: Put) -> list[K]:
        """Puts the payloads; answers what must be read."""
        now = self._shop.now()
        versions = [one.version for one in self._told if worth_putting(one, now)]
        written = put(self._shop.market, self._shop.domain, versions) if versions else Written()
        # After the commit, and before what follows reads.
        self._forget(self._by_key)
        needed = needs(self._told, written, now, self._shop.stale_after_s)
        for key in [key for key, need in needed.items() if need is Need.REST]:
            self._come_again(key, newest_told(self._by_key[key]), now)
        in_doubt = self._not_known([key for key, need in needed.items() if need is Need.READ])
        self._settle(needed.keys() - set(in_doubt))
        return in_doubt

    def read(self, keys: Collection[K]) -> None:
        """Reads resources whole and puts them; those that Shopify does not have are deleted."""
        self._read(keys, self._bury_what_was_not_found)

    def delete_what_is_gone(self) -> Collection[K]:
        """Deletes what Shopify does not have any more; answers what it has, or may have."""
        keys = list(self._by_key)
        if not self._resource.named:
            return keys
        now = self._shop.now()
        self._count("asked", len(keys))
        ids = cast("list[int]", keys)
        there = cast("Collection[K]", self._shop.reads.existing(self._resource.kind, ids))
        gone = [key for key in keys if key not in there]
        self._bury_as_told(gone, now)
        self._forget(keys)
        self._settle(gone)
        return there

    def read_what_is_still_there(self, keys: Collection[K]) -> None:
        """Reads and puts it; what is not found is deleted after all."""
        self._read(keys, self._bury_as_told)

    def park_for_the_rest(self) -> None:
        """Raises Park where something must come again."""
        if self._rests_s:
            raise Park(_UNSETTLED, max(self._rests_s.values()))

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Brings what was counted to the inbox, also where a call parks the shop in between."""
        try:
            yield
        finally:
            if self._counts:
                self._shop.count(self._counts)

    # ---- parts of them

    def _not_known(self, keys: Sequence[K]) -> list[K]:
        if not keys:
            return []
        rows = self._shop.market.stamps(self._shop.domain, self._resource.kind, keys)
        final = self._resource.named
        return [key for key in keys if not is_known(self._by_key[key], rows.get(key), final=final)]

    def _read(self, keys: Collection[K], bury: Callable[[Collection[K], datetime], None]) -> None:
        if not keys:
            return
        now = self._shop.now()
        self._count("asked", len(keys))
        for part in self._resource.read(self._shop.reads, keys):
            found = {key: version for key, version in part.items() if version is not None}
            mine = [key for key in part if key in self._by_key]
            bury([key for key in mine if key not in found], now)
            self._put_what_was_read(found, now)
            self._forget(mine)
            self._settle(mine)

    def _bury_what_was_not_found(self, keys: Collection[K], now: datetime) -> None:
        """Not at once where a webhook of this moment speaks of it: a delete is for ever."""
        if self._resource.hidden:
            return
        gone: list[K] = []
        for key in keys:
            heard = heard_at(self._by_key[key])
            if rest_s(heard, now):
                self._come_again(key, heard, now)
            else:
                gone.append(key)
        self._bury(gone, now, now)

    def _bury_as_told(self, keys: Collection[K], now: datetime) -> None:
        """Since when the webhooks say."""
        by_time: defaultdict[datetime, list[K]] = defaultdict(list)
        for key in keys:
            by_time[happened_at(self._by_key[key], now)].append(key)
        for at, some in by_time.items():
            self._bury(some, at, now)

    def _bury(self, keys: Collection[K], at: datetime, now: datetime) -> None:
        if not keys:
            return
        written = self._delete(keys, at)
        # Of a level: a version later than the webhook, and yet Shopify has none.
        later = {*written.older, *written.refetch}
        if later:
            for key in self._delete(later, now).refetch:
                self._come_again(key, now, now)

    def _delete(self, keys: Collection[K], at: datetime) -> Written[K]:
        written = self._resource.delete(self._shop.market, self._shop.domain, keys, at)
        self._note_missed(written)
        return written

    def _put_what_was_read(self, found: Mapping[K, Any], asked_at: datetime) -> None:
        if not found:
            return
        written = self._resource.put(self._shop.market, self._shop.domain, found.values())
        self._note_missed(written)
        for key in found.keys() & self._by_key.keys():
            version = found[key].updated_at
            least = least_wanted(self._by_key[key], self._shop.stale_after_s)
            behind = least is not None and version < least
            if behind or key in written.refetch:
                self._come_again(key, max(version, least or version), asked_at)

    def _come_again(self, key: K, changed_at: datetime, now: datetime) -> None:
        """When the second of the change is over. If it was, time will not help: a failed run."""
        wait_s = rest_s(changed_at, now)
        if 0 < wait_s <= _LONGEST_REST_S:
            self._rests_s[key] = wait_s
        else:
            self._contradicted.add(key)

    def _settle(self, keys: Collection[K]) -> None:
        for one in (one for key in keys for one in self._by_key[key]):
            if one.key in self._contradicted:
                one.webhook.retry("what Shopify answers contradicts what is stored")
            elif one.key not in self._rests_s:
                one.webhook.done()

    def _forget(self, keys: Collection[K]) -> None:
        self._resource.forget(self._shop, keys)

    def _note_missed(self, written: Written[K]) -> None:
        """A reconciliation that changed something: of that, no webhook had come."""
        found = {one.key for one in self._told if one.webhook.reconciled}
        self._count("missed", len(found.intersection(written.applied)))

    def _count(self, what: str, n: int) -> None:
        if n:
            self._counts[f"{what}:{self._resource.name}"] += n
