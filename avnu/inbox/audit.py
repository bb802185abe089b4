"""The auditor: reads the whole inbox and says whether the accounts add up.

It looks at every place where a webhook can stand, so it is for `avnu doctor`, the demo and the
tests, not for a hot path. A running system moves while it reads; it is exact on a quiet one, and
`audit` of a moving one is repeated by its caller.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from avnu.inbox import Inbox
from avnu.inbox.arrival import SETTLED
from avnu.inbox.forms import leased_shops, leased_webhooks, read_place
from avnu.inbox.reach import reaching

_LEASE = ("owner", "batch")
_FAMILIES = ("record", "line", "ready", "part", "held")
_ALONE = ("solo", "replays", "suspects", "stopped", "running", "dead")
# Questions that travel together: one by one, a long way to Redis would be gone for each shop.
TOGETHER = 1000


class Audit(msgspec.Struct, frozen=True):
    """``faults`` is empty when every account adds up. ``places``: webhooks per place."""

    faults: list[str]
    places: dict[str, int]
    counts: dict[str, int]

    @property
    def ok(self) -> bool:
        """Does every account add up?"""
        return not self.faults


def audit(inbox: Inbox) -> Audit:
    """Read everything, check everything. Raises InboxUnavailable."""
    with reaching():
        return _Auditor(inbox).run()


class _Where(NamedTuple):
    """A shop that is ready or leased, in a partition."""

    shop: str
    state: str
    partition: str

    @property
    def said(self) -> str:
        return f"{self.state} in {self.partition}"


class _Auditor:
    def __init__(self, inbox: Inbox) -> None:
        self.inbox = inbox
        self.client = inbox.client
        self.keys = inbox.keys
        self.faults: list[str] = []
        self.stands: dict[str, list[str]] = {}  # ref -> places
        self.areas = inbox.areas
        self.found = {name: set[str]() for name in _FAMILIES}

    def run(self) -> Audit:
        counts = {k.decode(): int(v) for k, v in self.client.hgetall(self._key("counts")).items()}
        self._scan()
        self._lines()
        self._partitions()
        self._alone()
        self._held()
        self._shops()
        settled, waiting_records = self._records()
        self._compare(waiting_records)
        places = Counter(places[0].split(" ")[0] for places in self.stands.values())
        self._accounts(counts, places)
        return Audit(self.faults, {**places, "settled": settled}, counts)

    def _key(self, name: str, suffix: str = "") -> str:
        return self.keys.of(name, suffix)

    def _scan(self) -> None:
        """What follows the prefix in every key of a family. Sets, because SCAN may repeat a key."""
        prefixes = {self._key(name): name for name in _FAMILIES}
        for key in self.client.scan_iter(match=self.keys.prefix + "*", count=1000):
            text = key.decode("latin-1")
            end = text.find(":", len(self.keys.prefix)) + 1
            if name := prefixes.get(text[:end]):
                self.found[name].add(text[end:])

    def _ask(
        self, names: Iterable[str], question: Callable[[Any, str], object]
    ) -> Iterator[tuple[str, Any]]:
        """Each name with Redis's answer to ``question(pipeline, name)``."""
        every = list(names)
        for start in range(0, len(every), TOGETHER):
            some = every[start : start + TOGETHER]
            with self.client.pipeline(transaction=False) as pipe:
                for name in some:
                    question(pipe, name)
                yield from zip(some, pipe.execute(), strict=True)

    def _lists(self, family: str) -> Iterator[tuple[str, list[bytes]]]:
        """Every list of a family: what follows its prefix, and what it holds."""
        return self._ask(
            self.found[family], lambda pipe, name: pipe.lrange(self._key(family, name), 0, -1)
        )

    def _stand(self, ref: str, place: str) -> None:
        self.stands.setdefault(ref, []).append(place)

    def _lines(self) -> None:
        for suffix, line in self._lists("line"):
            shop = suffix.partition("/")[2]
            for webhook_id in line:
                self._stand(f"{shop}/{webhook_id.decode()}", f"waiting in {suffix}")

    def _partitions(self) -> None:
        work = {part.decode() for part in self.client.smembers(self._key("work"))}
        leases = self._ask(
            self.found["part"], lambda pipe, part: pipe.hmget(self._key("part", part), list(_LEASE))
        )
        ready = dict(
            self._ask(self.found["part"], lambda pipe, part: pipe.llen(self._key("ready", part)))
        )
        for part, (owner, batch) in leases:
            if (owner or ready[part]) and part not in work:
                self.faults.append(f"partition {part} has work and no wake-up mark")
            if owner:
                for one in leased_webhooks(batch):
                    self._stand(one.ref, f"leased by {part}")

    def _alone(self) -> None:
        sets = dict(self._ask(_ALONE, lambda pipe, name: pipe.zrange(self._key(name), 0, -1)))
        alone = {ref.decode() for refs in sets.values() for ref in refs}
        states = dict(
            self._ask(alone, lambda pipe, ref: pipe.hget(self._key("trouble", ref), "state"))
        )
        for name, refs in sets.items():
            place = name if name in ("running", "dead") else "solo"
            for ref in refs:
                text = ref.decode()
                self._stand(text, f"{place} in {name}")
                if states[text] != place.encode():
                    self.faults.append(f"{text} stands in {name} but its state is {states[text]!r}")

    def _held(self) -> None:
        holders = {entry.decode() for entry in self.client.hkeys(self._key("holders"))}
        for suffix, held in self._lists("held"):
            shop = suffix.partition("/")[2]
            if suffix not in holders:
                self.faults.append(f"held webhooks of {suffix} that nothing will release")
            for webhook_id in held:
                self._stand(f"{shop}/{webhook_id.decode()}", f"held by a paused topic in {suffix}")

    def _shops(self) -> None:
        """A shop stands in one place per area, and where its entry says."""
        seen: defaultdict[str, Counter[_Where]] = defaultdict(Counter)
        for part, ready in self._lists("ready"):
            area, _, p = part.rpartition("/")
            seen[area].update(_Where(shop.decode(), "ready", p) for shop in ready)
        leased = self._ask(
            self.found["part"], lambda pipe, part: pipe.hget(self._key("part", part), "shops")
        )
        for part, shops in leased:
            area, _, p = part.rpartition("/")
            seen[area].update(_Where(shop, "leased", p) for shop in leased_shops(shops))
        parked = {entry.decode() for entry in self.client.zrange(self._key("parked"), 0, -1)}
        paused = {entry.decode() for entry in self.client.smembers(self._key("paused"))}
        for area in {*self.areas, *seen}:
            self._compare_shops(area, seen[area], parked, paused)

    def _compare_shops(
        self, area: str, seen: Counter[_Where], parked: set[str], paused: set[str]
    ) -> None:
        entries = self.client.hgetall(self._key("place", area))
        for shop_bytes, value in entries.items():
            shop, place = shop_bytes.decode(), read_place(value)
            where = _Where(shop, place.state, place.partition)
            if place.state in ("ready", "leased") and seen.pop(where, 0) != 1:
                self.faults.append(
                    f"shop {shop} of {area} is {where.said} but does not stand there once"
                )
            if place.state == "parked" and f"{area}/{shop}" not in parked:
                self.faults.append(f"shop {shop} of {area} is parked but nothing will unpark it")
            if place.state == "paused" and f"shop:{shop}" not in paused:
                self.faults.append(f"shop {shop} of {area} is stopped but not paused")
        self.faults += [
            f"shop {one.shop} of {area} is {one.said} where its entry is not" for one in seen
        ]
        for suffix in self.found["line"]:
            of, _, shop = suffix.partition("/")
            if of == area and shop.encode() not in entries:
                self.faults.append(f"shop {shop} of {area} is idle with a line")

    def _records(self) -> tuple[int, set[str]]:
        """How many are settled, and the refs of those that are not."""
        firsts = self._ask(
            self.found["record"], lambda pipe, ref: pipe.getrange(self._key("record", ref), 0, 0)
        )
        waiting = {ref for ref, first in firsts if first != SETTLED}
        return len(self.found["record"]) - len(waiting), waiting

    def _compare(self, records: set[str]) -> None:
        for ref, places in self.stands.items():
            if len(places) > 1:
                self.faults.append(f"{ref} stands in {len(places)} places: {', '.join(places)}")
            if ref not in records:
                self.faults.append(f"{ref} stands in {places[0]} without a record")
        self.faults += [f"{ref} stands nowhere" for ref in records - self.stands.keys()]

    def _accounts(self, counts: dict[str, int], places: Counter[str]) -> None:
        """Accepted = settled + waiting + leased + solo + dead + deleted, counted and found."""

        def total(name: str) -> int:
            return sum(n for key, n in counts.items() if key.split(":")[0] == name)

        accepted, settled = total("accepted"), total("done") + total("superseded")
        dead = total("dead") - total("revived") - total("deleted")
        here = sum(places.values())
        if accepted != settled + here + total("deleted"):
            self.faults.append(
                f"accepted {accepted} != settled {settled} + here {here} ({dict(places)})"
                f" + deleted {total('deleted')}"
            )
        if dead != places["dead"]:
            self.faults.append(f"dead counted {dead} != dead letters {places['dead']}")
        if total("vanished"):
            self.faults.append(f"{total('vanished')} webhooks stood in a line without a record")
