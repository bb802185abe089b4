"""The inbox in numbers: counters, and per area what waits, since when, and what is dead."""

from collections.abc import Iterator

import msgspec

from avnu import keys
from avnu.clock import server_ms
from avnu.inbox import Inbox
from avnu.inbox.forms import Place, leased_webhooks, read_place
from avnu.inbox.parked import parked_by_cause
from avnu.inbox.reach import reaching
from avnu.inbox.workers import Worker, read_workers

RECEIVED = ("accepted", "duplicate", "replayed", "rejected", "ignored", "unavailable")
# By kind of resource, as ``avnu/reconcile/resources.py`` names them: "missed:<kind>" is counted by
# handlers when a reconciliation's webhook has changed something.
MISSED = ("locations", "products", "items", "levels", "orders")
# Solo webhooks looked at for the oldest one; they are in order of their next run, not of age.
_SOLO_SAMPLE = 1000


class AreaState(msgspec.Struct, frozen=True):
    """One area. ``backlog`` is all that is neither settled nor dead; ``parked`` is part of it."""

    area: str
    backlog: int
    parked: int
    dead: int
    oldest_s: float  # of what waits and is not parked; 0 when nothing does
    done: int
    superseded: int
    retries: int
    deleted: int
    put_away: int  # done without effect, as their shops have left; part of done
    dead_total: dict[str, int]  # deaths so far, by cause


class Overview(msgspec.Struct, frozen=True):
    """The whole inbox at one moment, as far as several reads can be one moment."""

    counters: dict[str, int]  # all there are, by the names they are counted under
    received: dict[str, int]  # by outcome, see RECEIVED
    missed: dict[str, int]  # changes that no webhook had told of, by kind of resource
    areas: list[AreaState]
    solo: int  # webhooks that travel alone and are due or wait
    running: int  # solo runs now
    suspects: int
    partitions_busy: int  # partitions with work
    full: bool
    tick_age_s: float  # since any worker's last tick; inf when there was none
    workers: list[Worker]  # that are up
    paused: list[str]
    parked_shops: dict[str, int]  # by cause


def overview(inbox: Inbox) -> Overview:
    """A few pipelined reads; raises InboxUnavailable."""
    with reaching():
        return _Reader(inbox).read()


class _Reader:
    def __init__(self, inbox: Inbox) -> None:
        self.inbox = inbox
        self.client = inbox.client
        self.of = inbox.keys.of

    def read(self) -> Overview:
        with self.client.pipeline(transaction=False) as pipe:
            pipe.hgetall(self.of("counts"))
            pipe.hmget(self.of("control"), ["offset", "ticked", "full"])
            pipe.time()
            for name in ("solo", "replays", "stopped", "running", "suspects"):
                pipe.zcard(self.of(name))
            pipe.scard(self.of("work"))
            pipe.smembers(self.of("paused"))
            pipe.hgetall(self.of("ticking"))
            raw, control, time, *alone_counts, work, paused, ticking = pipe.execute()
        solo, replays, stopped, running, suspects = alone_counts
        counts = {name.decode(): int(n) for name, n in raw.items()}
        offset, ticked, full = control
        now_ms = server_ms(time, offset)
        alone = self._oldest_alone()
        places = self._places()
        return Overview(
            counters=counts,
            received={name: _total(counts, name) for name in RECEIVED},
            missed={kind: counts.get(f"missed:{kind}", 0) for kind in MISSED},
            areas=[
                self._area(area, counts, now_ms, alone, places[area]) for area in self.inbox.areas
            ],
            solo=solo + replays + stopped + suspects,
            running=running,
            suspects=suspects,
            partitions_busy=work,
            full=full == b"1",
            tick_age_s=(now_ms - int(ticked)) / 1000 if ticked else float("inf"),
            workers=read_workers(ticking, now_ms),
            paused=sorted(name.decode() for name in paused),
            parked_shops=parked_by_cause(places.values()),
        )

    def _places(self) -> dict[str, dict[str, Place]]:
        """Per area, where each of its shops stands, by short name."""
        with self.client.pipeline(transaction=False) as pipe:
            for area in self.inbox.areas:
                pipe.hgetall(self.of("place", area))
            found = pipe.execute()
        return {
            area: {shop.decode(): read_place(value) for shop, value in places.items()}
            for area, places in zip(self.inbox.areas, found, strict=True)
        }

    def _area(
        self,
        area: str,
        counts: dict[str, int],
        now_ms: int,
        alone: dict[str, int],
        places: dict[str, Place],
    ) -> AreaState:
        def n(name: str) -> int:
            return counts.get(f"{name}:{area}", 0)

        deaths = {
            key.rpartition(":")[2]: value
            for key, value in counts.items()
            if key.startswith(f"dead:{area}:")
        }
        dead = sum(deaths.values()) - n("revived") - n("deleted")
        backlog = n("accepted") - n("done") - n("superseded") - dead - n("deleted")
        parked, heads = self._shops(area, places) if backlog else (0, [])
        oldest = min([*heads, alone.get(area, now_ms)], default=now_ms)
        return AreaState(
            area, backlog, parked, dead, max(0.0, (now_ms - oldest) / 1000), n("done"),
            n("superseded"), n("retries"), n("deleted"), n("put_away"), deaths,
        )  # fmt: skip

    def _shops(self, area: str, places: dict[str, Place]) -> tuple[int, list[int]]:
        """How many webhooks are parked, and when the oldest of each shop that goes on was accepted.

        A paused shop's are in neither: it is the operator who keeps them.
        """
        parked = [shop for shop, place in places.items() if place.state == "parked"]
        going = [shop for shop, place in places.items() if place.state in ("ready", "leased")]
        with self.client.pipeline(transaction=False) as pipe:
            for shop in parked:
                pipe.llen(self.of("line", f"{area}/{shop}"))
            for shop in going:
                pipe.lindex(self.of("line", f"{area}/{shop}"), 0)
            replies = pipe.execute()
        heads = zip(going, replies[len(parked) :], strict=True)
        refs = [keys.ref(shop, first.decode()) for shop, first in heads if first]
        return sum(replies[: len(parked)]), [*self._accepted(refs), *self._leased(area)]

    def _accepted(self, refs: list[str]) -> Iterator[int]:
        with self.client.pipeline(transaction=False) as pipe:
            for ref in refs:
                pipe.getrange(self.of("record", ref), 0, 12)
            for head in pipe.execute():
                if head.isdigit():
                    yield int(head)

    def _leased(self, area: str) -> Iterator[int]:
        """When the oldest of each leased batch was accepted."""
        work = [part.decode() for part in self.client.smembers(self.of("work"))]
        parts = [part for part in work if part.rpartition("/")[0] == area]
        with self.client.pipeline(transaction=False) as pipe:
            for part in parts:
                pipe.hget(self.of("part", part), "batch")
            for batch in pipe.execute():
                if batch:
                    yield min(one.accepted_ms for one in leased_webhooks(batch))

    def _oldest_alone(self) -> dict[str, int]:
        """Per area, when the oldest webhook that travels alone was accepted."""
        refs = [
            ref.decode()
            for name in ("running", "suspects", "solo", "replays")
            for ref in self.client.zrange(self.of(name), 0, _SOLO_SAMPLE - 1)
        ]
        oldest: dict[str, int] = {}
        with self.client.pipeline(transaction=False) as pipe:
            for ref in refs:
                pipe.hmget(self.of("trouble", ref), ["area", "accepted"])
            for area, accepted in pipe.execute():
                if area and accepted:
                    name = area.decode()
                    oldest[name] = min(int(accepted), oldest.get(name, int(accepted)))
        return oldest


def _total(counts: dict[str, int], name: str) -> int:
    return sum(n for key, n in counts.items() if key.partition(":")[0] == name)
