"""A whole Avnu of one test's own, and what must be so after a fault."""

import dataclasses
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from avnu.app import build_inbox
from avnu.connections import Connections
from avnu.errors import InboxUnavailable
from avnu.inbox import Inbox
from avnu.inbox.arrival import Arrival
from avnu.inbox.audit import Audit, _Auditor, audit
from avnu.keys import ref
from avnu.settings import Settings
from tests.support.database import database_environ
from tests.support.deliveries import SECRET, Direct, Maker, Sender
from tests.support.load import Load
from tests.support.programs import Receiver, Worker
from tests.support.runs import RUNS, Moment, Runs
from tests.support.servers import Server
from tests.support.trio import Trio
from tests.support.waiting import wait_until

LOOKING_MS = 6000
LEASE_S = 5
# Section 3 of the design, I5: what was leased runs again this long after a worker is up.
AGAIN_S = LEASE_S + 10

_DEFAULTS = {
    "AVNU_NAMESPACE": "fault",
    "SHOPIFY_API_SECRET": SECRET.decode(),
    "INBOX_LEASE_SECONDS": str(LEASE_S),
    "QUEUE_CONCURRENCY": "2",
    "QUEUE_BACKOFF_DELAY": "200",
}


class Stack:
    """Made for one test. ``settings`` are variables that differ from _DEFAULTS.

    ``server`` stands for a Server of its own; it starts and ends with the stack.
    """

    def __init__(
        self,
        folder: Path,
        seed: int,
        settings: Mapping[str, str] | None = None,
        extra: Sequence[str] = (),
        kind: str = "valkey",
        *,
        server: Server | Trio | None = None,
    ) -> None:
        self.folder = folder
        self.chance = random.Random(seed)
        self.server: Any = server or Server(folder / "server", kind, extra)
        self.server.start()
        self._wanted = {**_DEFAULTS, **database_environ(folder), **(settings or {})}
        self.settings = Settings.load({**self.server.environ(), **self._wanted})
        # A test that looks is more patient than the programs it looks at.
        looking = dataclasses.replace(self.settings, redis_socket_timeout_ms=LOOKING_MS)
        self._connections = Connections(looking)
        self.inbox: Inbox = build_inbox(self.settings, self._connections)
        self.client: Any = self.inbox.client
        self.maker = Maker(self.chance)
        self.runs = Runs(folder / "runs")
        self.acknowledged: set[str] = set()
        self._programs: list[Worker | Receiver] = []

    # ---- parts

    def environ(self, **changes: str) -> dict[str, str]:
        """What a program of this stack is started with."""
        settings = Settings.load({**self.server.environ(), **self._wanted, **changes})
        return {**settings.to_environ(), RUNS: str(self.runs.path)}

    def worker(self, name: str = "one", options: Sequence[str] = (), **changes: str) -> Worker:
        """A worker, not started yet."""
        worker = Worker(name, self.folder, self.environ(**changes), options=options)
        self._programs.append(worker)
        return worker

    def receiver(self, kind: type[Receiver] = Receiver, /, **changes: str) -> Receiver:
        """A receiver, not started yet."""
        receiver = kind("receiver", self.folder, self.environ(**changes))
        self._programs.append(receiver)
        return receiver

    def close(self) -> None:
        for program in self._programs:
            program.close()
        self._connections.close()
        self.server.thaw()
        self.server.kill()

    # ---- webhooks

    def acknowledge(self, arrival: Arrival) -> None:
        self.acknowledged.add(self.ref(arrival))

    def accept(self, *arrivals: Arrival) -> None:
        """Straight into the inbox; every one must be kept."""
        for start in range(0, len(arrivals), 200):
            some = arrivals[start : start + 200]
            kept = Direct(self.inbox).send(some)
            assert len(kept) == len(some), "the inbox refused a webhook"
            for arrival in kept:
                self.acknowledge(arrival)

    def ref(self, arrival: Arrival) -> str:
        return ref(arrival.shop, arrival.webhook_id)

    def gate(self) -> dict[str, str]:
        """What a body needs whose act is "wait": the run ends when the gate opens."""
        return {"for": str(self.folder / "gate")}

    def open_gate(self) -> None:
        (self.folder / "gate").touch()

    def make_waiting(self, runs: int, shop: str = "waiting") -> Arrival:
        """A webhook whose first ``runs`` runs end when the gate opens; a later one ends at once."""
        return self.maker.make(shop, do=[*["wait"] * runs, "done"], **self.gate())

    def load(self, sender: Sender | None = None, **options: Any) -> Load:
        """A background load, used with ``with``."""
        return Load(self.maker, sender or Direct(self.inbox), self.acknowledge, **options)

    # ---- what is to be seen

    def key(self, name: str, suffix: str = "") -> str:
        return self.inbox.keys.of(name, suffix)

    def counts(self) -> Counter[str]:
        """Counters by their first word: accepted, done, dead, …"""
        totals: Counter[str] = Counter()
        for name, n in self.client.hgetall(self.key("counts")).items():
            totals[name.decode().partition(":")[0]] += int(n)
        return totals

    def open(self) -> int:
        """Webhooks that are neither settled nor dead."""
        n = self.counts()
        dead = n["dead"] - n["revived"]
        return n["accepted"] - n["done"] - n["superseded"] - dead

    def held(self) -> set[str]:
        """Webhooks under a lease, of a partition or of their own, as the auditor reads them."""
        reading = _Auditor(self.inbox)
        reading._scan()
        reading._partitions()
        reading._alone()
        leased = ("leased ", "running ")
        return {one for one, at in reading.stands.items() if at[0].startswith(leased)}

    def trouble(self, wanted: str) -> dict[str, str]:
        """What the inbox notes of a webhook that travels alone or is dead."""
        fields = self.client.hgetall(self.key("trouble", wanted))
        return {name.decode(): value.decode() for name, value in fields.items()}

    def settled(self, refs: Iterable[str]) -> set[str]:
        """Those of ``refs`` that are done or superseded."""
        asked = list(refs)
        with self.client.pipeline(transaction=False) as pipe:
            for one in asked:
                pipe.getrange(self.key("record", one), 0, 1)
            return {
                one
                for one, head in zip(asked, pipe.execute(), strict=True)
                if head in (b"=d", b"=u")
            }

    def crashed(self) -> list[str]:
        """Webhooks of which the inbox thinks that a run ended without an answer.

        What is done is forgotten, so a test that asks this asks while they are there.
        """
        return [
            key.decode()
            for key in self.client.scan_iter(match=self.key("trouble", "*"), count=1000)
            if self.client.hget(key, "crashed")
        ]

    def queues(self) -> list[str]:
        """The lists of DB 1 in which the areas' messages wait."""
        return [f"{self.settings.avnu_namespace}:{area}" for area in self.inbox.areas]

    def wakeups(self) -> int:
        """Messages in the areas' Celery queues."""
        with self.server.client(self.settings.redis_queue_db) as queue:
            return sum(int(queue.llen(name)) for name in self.queues())

    # ---- what must be so after a fault

    def assert_again(self, held: set[str], since_s: float, within_s: float = AGAIN_S) -> None:
        """What stood under a lease at ``since_s`` runs again, or is settled, ``within_s`` from now.

        Called when a worker is up.
        """
        why = f"{len(held)} webhooks that were leased run again"
        self._wait(lambda: not self._not_again(held, since_s), within_s, why)

    def _not_again(self, held: set[str], since_s: float) -> set[str]:
        left = held - self.runs.refs(Moment.BEGUN, since_s)
        return left - self.settled(left)

    def assert_dies(self, wanted: str, within_s: float) -> None:
        wait_until(lambda: self.trouble(wanted).get("state") == "dead", within_s, f"{wanted} dies")

    def assert_whole(self, within_s: float = 30.0, dead: Mapping[str, str] | None = None) -> Audit:
        """Everything acknowledged is settled once, or dead for the cause that ``dead`` gives it."""
        self._wait(self._calm, within_s, "everything is settled or dead")
        found = audit(self.inbox)
        assert found.ok, found.faults
        self._assert_all_there(dead or {})
        self._assert_settled_once(found)
        before = self.wakeups()
        wait_until(lambda: self.wakeups() == 0, 30, f"no wake-up of {before} is left over")
        return found

    def _wait(self, condition: Callable[[], bool], within_s: float, why: str) -> None:
        try:
            wait_until(condition, within_s, why)
        except AssertionError as late:
            late.add_note(self.story())
            raise

    def story(self) -> str:
        """Where everything stands, for the message of a failed assertion."""
        found = audit(self.inbox)
        names = ("solo", "suspects", "running", "parked")
        sets = {name: self.client.zrange(self.key(name), 0, 20, withscores=True) for name in names}
        refs = [one.decode() for name in names[:3] for one, _ in sets[name]]
        lines = [
            f"places {found.places} counts {found.counts} faults {found.faults}",
            f"time {self.client.time()} control {self.client.hgetall(self.key('control'))}",
            f"work {self.client.smembers(self.key('work'))} wake-ups {self.wakeups()} {sets}",
            *(f"{one}: {self.trouble(one)}" for one in refs[:10]),
            *(f"--- {program.name}\n{program.log[-1500:]}" for program in self._programs),
        ]
        return "\n".join(lines)

    def _calm(self) -> bool:
        try:
            return self.open() == 0 and not self.held()
        except InboxUnavailable:
            return False

    def _assert_all_there(self, dead: Mapping[str, str]) -> None:
        causes = {one: self.trouble(one).get("cause") for one in self._dead()}
        assert causes == dict(dead), causes
        lost = self.acknowledged - self.settled(self.acknowledged) - dead.keys()
        assert not lost, f"{len(lost)} acknowledged webhooks are lost: {sorted(lost)[:5]}"

    def _dead(self) -> list[str]:
        return [one.decode() for one in self.client.zrange(self.key("dead"), 0, -1)]

    def _assert_settled_once(self, found: Audit) -> None:
        """A settle counts and writes the record in one script, so their sums tell of a second."""
        n = self.counts()
        assert n["done"] + n["superseded"] == found.places["settled"]
        assert n["accepted"] == len(self.acknowledged)
        never_run = self.acknowledged - self.runs.refs(Moment.ENDED) - set(self._dead())
        assert not never_run, f"settled without a run: {sorted(never_run)[:5]}"

    def wait_tick(self, within_s: float = 10.0) -> None:
        """Until a tick has run that began after this call."""
        began = self.client.hget(self.key("control"), "ticked")
        wait_until(
            lambda: self.client.hget(self.key("control"), "ticked") != began, within_s, "a tick"
        )


def now_s() -> float:
    """The clock of `runs.py`."""
    return time.monotonic()
