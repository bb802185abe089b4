"""Turns: one drain's hold on a partition, batch after batch.

A turn settles the previous batch and takes the next in one round trip. It carries a number,
so that asking again after a lost answer gives the same batch and settles nothing twice.
"""

import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby

import msgspec

from avnu import keys
from avnu.clock import Clock
from avnu.inbox.arrival import Stored, read_record
from avnu.inbox.reach import insist


class Letter(enum.StrEnum):
    """What a run decided about one webhook. The letters are those of turn.lua."""

    DONE = "D"
    SUPERSEDED = "U"  # a newer one of its resource, in the same batch, is done
    FAILED = "F"  # a run of its own raised: spends an attempt
    REJECTED = "X"  # the handler says it can never work
    BACK = "B"  # left: front of the line, nothing spent
    ALONE = "G"  # shared a batch that raised, or waits without its shop: solo, nothing spent
    UNHANDLED = "N"  # no handler here knows its topic


class Verdict(msgspec.Struct, frozen=True):
    """What becomes of one webhook, and why, for the operator."""

    letter: Letter
    reason: str = ""


class Parking(msgspec.Struct, frozen=True):
    """The shop waits: ``wait_ms`` as told, or 0 for the default that doubles."""

    cause: str
    wait_ms: int = 0


class Settlement(msgspec.Struct, frozen=True):
    """One verdict per webhook of a batch, in its order; and which of its shops park."""

    verdicts: Sequence[Verdict] = ()
    parkings: Mapping[str, Parking] = {}


class Batch(msgspec.Struct, frozen=True):
    """Webhooks that the lease named by ``token`` holds: shop after shop, oldest first in each."""

    token: str
    busy: int  # partitions with work, this one included
    webhooks: Sequence[Stored]

    def by_shop(self) -> Iterator[tuple[str, list[Stored]]]:
        """Each shop's full domain with its webhooks."""
        for shop, some in groupby(self.webhooks, key=lambda stored: stored.shop):
            yield shop, list(some)


class Ending(enum.StrEnum):
    """Why a drain has no further batch."""

    EMPTY = "EMPTY"  # the partition has nothing
    END = "END"  # the slice is over; a successor was pushed
    LOST = "LOST"  # the lease is another's
    BUSY = "BUSY"  # a live lease
    PAUSED = "PAUSED"
    MISFIT = "MISFIT"  # the verdicts did not fit the batch: a fault of ours


Run = Callable[..., object]


class Drain:
    """One drain's turns. ``run`` sends the turn script; ``owner`` is random, new for each drain."""

    def __init__(
        self,
        run: Run,
        clock: Clock,
        *,
        area: str,
        p: int,
        wake: int,
        owner: str,
        lease_s: float,
    ) -> None:
        self._run = run
        self._clock = clock
        self._lease_s = lease_s
        self._where = (area, p, owner)
        self._wake = wake
        self._number = 0
        self.token = ""

    def begin(self) -> Batch | Ending:
        """The first batch, when the partition is free."""
        return self._turn(Settlement(), last=False, jitter=0.0)

    def next(self, settlement: Settlement, *, last: bool, jitter: float) -> Batch | Ending:
        """Settle the batch in hand and take the next one, or end the slice (``last``).

        ``jitter`` (-1 to 1) spreads the delay of what failed.
        """
        return self._turn(settlement, last=last, jitter=jitter)

    def _turn(self, settlement: Settlement, *, last: bool, jitter: float) -> Batch | Ending:
        self._number += 1
        verdicts, parkings = settlement.verdicts, settlement.parkings
        reply = self._ask(
            *self._where, self.token, self._number, self._wake, "1" if last else "0", jitter,
            "".join(v.letter for v in verdicts), len(parkings),
            *(x for shop, p in parkings.items() for x in (keys.short(shop), p.wait_ms, p.cause)),
            *(v.reason for v in verdicts if v.letter in "FXG"),
        )  # fmt: skip
        return self._read(reply)

    def _ask(self, *argv: str | float) -> list[bytes]:
        """Ask until answered, for as long as the lease can live: the number makes it safe."""
        reply = insist(lambda: self._run("turn", *argv), self._clock, self._lease_s)
        assert isinstance(reply, list)
        return reply

    def _read(self, reply: list[bytes]) -> Batch | Ending:
        if reply[0] != b"BATCH":
            return Ending(reply[0].decode())
        self.token = reply[1].decode()
        triples = zip(reply[3::3], reply[4::3], reply[5::3], strict=True)
        return Batch(
            self.token,
            int(reply[2]),
            [read_record(keys.domain(shop.decode()), i.decode(), r) for shop, i, r in triples],
        )
