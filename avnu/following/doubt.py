"""What of that which webhooks tell must be read from the Admin API, or must rest first. Pure."""

import enum
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from avnu.following.followed import K, Told
from avnu.store.columns import instant
from avnu.store.market.outcomes import Stamp, Written
from avnu.store.market.versions import SETTLED_AFTER
from avnu.webhook import Webhook


class Need(enum.IntEnum):
    """What a resource needs once the payloads are put, the least first."""

    NOTHING = 0
    READ = 1
    REST = 2  # what is read before its second is over would be in doubt again


def is_stale(webhook: Webhook, after_s: float) -> bool:
    """True for one that comes so long after its trigger that it must be a retry of Shopify's.

    Retries carry the payload of the trigger's time (Shopify's changelog on webhook retries), and
    newer ones may have come before. Where the trigger's time is not known, nobody can say.
    """
    if not webhook.triggered_ms:
        return False
    return webhook.accepted_ms - webhook.triggered_ms > after_s * 1000


def happened_at(told: Iterable[Told[Any]], now: datetime) -> datetime:
    """When what they tell of took place: triggered if that is known, else accepted; not later."""
    last_ms = max(one.webhook.triggered_ms or one.webhook.accepted_ms for one in told)
    return min(instant(last_ms / 1000), now)


def heard_at(told: Iterable[Told[Any]]) -> datetime:
    """When the last of them was accepted."""
    return instant(max(one.webhook.accepted_ms for one in told) / 1000)


def rest_s(since: datetime, now: datetime) -> float:
    """Seconds until what happened then is surely over."""
    return max(0.0, (since + SETTLED_AFTER - now).total_seconds())


def worth_putting(told: Told[Any], now: datetime) -> bool:
    """True for a version that says enough to be put before anything is read.

    One that lacks variants does not while its second is not over: the whole product that is read
    for it could not be told from it, and the shop would wait for nothing.
    """
    if told.version is None:
        return False
    partial = getattr(told.version, "partial", False)
    return not partial or rest_s(told.version.updated_at, now) == 0


def needs(
    told: Iterable[Told[K]], written: Written[Any], now: datetime, stale_after_s: float
) -> dict[K, Need]:
    """By what would be read; ``written`` is of the versions that were worth putting."""
    every = list(told)
    newest = _newest(every)
    found: dict[K, Need] = {}
    for one in every:
        stale = is_stale(one.webhook, stale_after_s)
        need = _need(one, newest, written, now, stale=stale)
        found[one.key] = max(found.get(one.key, Need.NOTHING), need)
    return found


def _need(
    one: Told[Any],
    newest: Mapping[Any, datetime],
    written: Written[Any],
    now: datetime,
    *,
    stale: bool,
) -> Need:
    if one.version is None or not worth_putting(one, now):
        return Need.READ
    key = one.written_as
    if key in written.conflicting:
        return Need.REST if rest_s(newest[key], now) else Need.READ
    if key in written.incomplete:
        return Need.READ
    # "Same" too: this may be the second run of a webhook whose first could not read.
    stands = key in written.applied or key in written.same
    newest_is_stale = stale and one.version.updated_at == newest[key]
    return Need.READ if stands and newest_is_stale else Need.NOTHING


def _newest(told: Sequence[Told[Any]]) -> dict[Any, datetime]:
    newest: dict[Any, datetime] = {}
    for one in told:
        if one.version is not None:
            before = newest.get(one.written_as, one.version.updated_at)
            newest[one.written_as] = max(before, one.version.updated_at)
    return newest


def is_known(told: Iterable[Told[Any]], row: Stamp | None, *, final: bool) -> bool:
    """True where the row says already what a read would: deleted, or read after all took place.

    Of a flood that waits, most are answered by the read that the first of them asked for.
    """
    if row is None:
        return False
    if row.deleted_at is not None:
        return final
    return row.read_at is not None and rest_s(happened_at(told, row.read_at), row.read_at) == 0


def newest_told(told: Iterable[Told[Any]]) -> datetime:
    """The newest version that they hold, of the resource or of its parts; there is one."""
    return max(_newest(list(told)).values())


def least_wanted(told: Iterable[Told[Any]], stale_after_s: float) -> datetime | None:
    """The version that an answer must not be older than; what came late proves nothing."""
    times = [
        one.version.updated_at
        for one in told
        if one.version is not None
        and one.written_as == one.key
        and not is_stale(one.webhook, stale_after_s)
    ]
    return max(times, default=None)
