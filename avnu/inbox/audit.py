"""The auditor: reads the whole inbox and says whether the accounts add up.

It looks at every place where a webhook can stand, so it is for `avnu doctor`, the demo and the
tests, not for a hot path. A running system moves while it reads; it is exact on a quiet one, and
`audit` of a moving one is repeated by its caller.
"""

from collections import Counter, defaultdict

import msgspec

from avnu.inbox import Inbox
from avnu.inbox.reach import reaching

_LEASE = ("owner", "batch")
_FAMILIES = ("record", "line", "ready", "part", "held")


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

    def _stand(self, ref: str, place: str) -> None:
        self.stands.setdefault(ref, []).append(place)

    def _lines(self) -> None:
        for suffix in self.found["line"]:
            shop = suffix.partition("/")[2]
            for webhook_id in self.client.lrange(self._key("line", suffix), 0, -1):
                self._stand(f"{shop}/{webhook_id.decode()}", f"waiting in {suffix}")

    def _partitions(self) -> None:
        work = {part.decode() for part in self.client.smembers(self._key("work"))}
        for part in self.found["part"]:
            owner, batch = self.client.hmget(self._key("part", part), list(_LEASE))
            ready = self.client.llen(self._key("ready", part))
            if (owner or ready) and part not in work:
                self.faults.append(f"partition {part} has work and no wake-up mark")
            if not owner:
                continue
            for line in batch.decode().splitlines():
                shop, webhook_id, *_ = line.split("\t")
                self._stand(f"{shop}/{webhook_id}", f"leased by {part}")

    def _alone(self) -> None:
        for name in ("solo", "replays", "suspects", "stopped", "running", "dead"):
            for ref in self.client.zrange(self._key(name), 0, -1):
                text = ref.decode()
                place = name if name in ("running", "dead") else "solo"
                self._stand(text, f"{place} in {name}")
                state = self.client.hget(self._key("trouble", text), "state")
                if state != place.encode():
                    self.faults.append(f"{text} stands in {name} but its state is {state!r}")

    def _held(self) -> None:
        holders = {entry.decode() for entry in self.client.hkeys(self._key("holders"))}
        for suffix in self.found["held"]:
            shop = suffix.partition("/")[2]
            if suffix not in holders:
                self.faults.append(f"held webhooks of {suffix} that nothing will release")
            for webhook_id in self.client.lrange(self._key("held", suffix), 0, -1):
                self._stand(f"{shop}/{webhook_id.decode()}", f"held by a paused topic in {suffix}")

    def _shops(self) -> None:
        """A shop stands in one place per area, and where its entry says."""
        seen: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for part in self.found["ready"]:
            area, _, p = part.rpartition("/")
            ready = self.client.lrange(self._key("ready", part), 0, -1)
            seen[area].update(f"{shop.decode()} r{p}" for shop in ready)
        for part in self.found["part"]:
            area, _, p = part.rpartition("/")
            shops = self.client.hget(self._key("part", part), "shops") or b""
            seen[area].update(f"{shop} l{p}" for shop in shops.decode().splitlines())
        for area in {*self.areas, *seen}:
            self._compare_shops(area, seen[area])

    def _compare_shops(self, area: str, seen: Counter[str]) -> None:
        entries = self.client.hgetall(self._key("place", area))
        for shop_bytes, value in entries.items():
            shop, at = shop_bytes.decode(), value.decode().partition("\t")[0]
            where = f"{shop} {'l' + at[1:] if at[0] == 'n' else at}"
            if at[0] in "rln" and seen.pop(where, 0) != 1:
                self.faults.append(f"shop {shop} of {area} is {at} but does not stand there once")
            if at[0] == "p" and self.client.zscore(self._key("parked"), f"{area}/{shop}") is None:
                self.faults.append(f"shop {shop} of {area} is parked but nothing will unpark it")
            if at[0] == "s" and not self.client.sismember(self._key("paused"), f"shop:{shop}"):
                self.faults.append(f"shop {shop} of {area} is stopped but not paused")
        self.faults += [f"shop {where} of {area} stands where its entry is not" for where in seen]
        for suffix in self.found["line"]:
            of, _, shop = suffix.partition("/")
            if of == area and shop.encode() not in entries:
                self.faults.append(f"shop {shop} of {area} is idle with a line")

    def _records(self) -> tuple[int, set[str]]:
        """How many are settled, and the refs of those that are not."""
        settled, waiting = 0, set()
        refs = list(self.found["record"])
        for start in range(0, len(refs), 1000):
            some = refs[start : start + 1000]
            with self.client.pipeline(transaction=False) as pipe:
                for ref in some:
                    pipe.getrange(self._key("record", ref), 0, 0)
                firsts = pipe.execute()
            for ref, first in zip(some, firsts, strict=True):
                if first == b"=":
                    settled += 1
                else:
                    waiting.add(ref)
        return settled, waiting

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
