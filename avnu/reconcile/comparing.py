"""Which resources differ, by their versions alone. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from avnu.shopify.reads import Seen
from avnu.store.market.outcomes import Stamp
from avnu.store.market.versions import Key


class Compared(NamedTuple):
    """``differing``: missing in the database, or older there. ``in_doubt``: of the same second."""

    differing: tuple[Seen, ...]
    in_doubt: tuple[Seen, ...]


def compare(
    seen: Iterable[Seen],
    stamps: Mapping[Key, Stamp],
    *,
    final: bool,
    left_from: datetime | None = None,
) -> Compared:
    """What of ``seen`` the database has no equal of. ``left_from``: what changed since is left out.

    ``final``: a tombstone is for ever. What was stored from a webhook may not be the last of its
    second, and whether it is nobody knows who has not read it since: that is in doubt.
    """
    differing: list[Seen] = []
    in_doubt: list[Seen] = []
    for one in seen:
        if left_from is not None and one.updated_at >= left_from:
            continue
        stamp = stamps.get(one.key)
        if stamp is None:
            differing.append(one)
        elif final and stamp.deleted_at is not None:
            continue
        elif stamp.updated_at is None or stamp.updated_at < _second(one.updated_at):
            differing.append(one)
        elif stamp.updated_at == _second(one.updated_at) and stamp.read_at is None:
            in_doubt.append(one)
    return Compared(tuple(differing), tuple(in_doubt))


def _second(moment: datetime) -> datetime:
    """As versions are kept."""
    return moment.replace(microsecond=0)
