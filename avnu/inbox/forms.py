"""What the scripts write into the inbox, read back: leased batches, and where shops stand.

The readers beside this module look and change nothing; each form is written by one Lua file, named
below, and read here alone. The form of a webhook's own record is in ``arrival.py``.
"""

from collections.abc import Iterator
from typing import NamedTuple

from avnu import keys


class Leased(NamedTuple):
    """One webhook of a batch that a lease holds."""

    ref: str
    accepted_ms: int


def leased_webhooks(batch: bytes | None) -> Iterator[Leased]:
    """Of a partition's ``batch``, in its order; none where no lease is (``_lease.lua``)."""
    for line in (batch or b"").decode().splitlines():
        shop, webhook_id, accepted_ms, _topic = line.split("\t")
        yield Leased(keys.ref(shop, webhook_id), int(accepted_ms))


def leased_shops(shops: bytes | None) -> list[str]:
    """Short names, of a partition's ``shops``: also of one of which no webhook was taken."""
    return (shops or b"").decode().splitlines()


class Place(NamedTuple):
    """Where a shop that is not idle stands in one area (``_shop_read.lua``)."""

    state: str  # ready, leased, parked or paused
    partition: str
    cause: str = ""  # of its parking; of its last one while it is not parked


_STATES = {"r": "ready", "l": "leased", "n": "leased", "p": "parked", "s": "paused"}
_CAUSE = 4  # after letter and partition, since, times, until


def read_place(value: bytes) -> Place:
    """The place in a value of ``s:<area>``."""
    fields = value.decode().split("\t")
    letter, partition = fields[0][0], fields[0][1:]
    cause = fields[_CAUSE] if len(fields) > _CAUSE else ""
    return Place(_STATES[letter], partition, cause)
