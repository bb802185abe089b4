"""Random histories of the inbox on a real server, with the auditor after every step.

A reference model notes what every answer allowed: who took a webhook last, what was settled, and
which causes of death are legitimate. At the end of every history the faults stop, ticks go on, and
everything must end settled or dead for a legitimate cause.
"""

import dataclasses
import functools
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from avnu import keys
from avnu.errors import InboxUnavailable
from avnu.inbox import Inbox
from avnu.inbox.arrival import Answer
from avnu.inbox.audit import audit
from avnu.inbox.solo import Claim, Due
from avnu.inbox.turn import Batch, Drain, Ending, Letter, Parking, Settlement, Verdict
from avnu.settings import Settings
from tests.support.inbox import (
    arrival,
    begin_at,
    move_ms,
    move_time,
    pop_message,
    queue_client,
    read_wakeup,
    still_inbox,
    trouble,
)

pytest_plugins = ("tests.support.inbox_fixtures",)

SHOPS = ("a", "b", "c")
TOPICS = (
    ("orders/create", "orders"),
    ("orders/paid", "orders"),
    ("products/update", "products"),
)
PAUSES = tuple(
    [("area", area) for area in ("orders", "products")]
    + [("topic", topic) for topic, _ in TOPICS]
    + [("shop", shop) for shop in SHOPS]
)
AREAS = st.sampled_from(("orders", "orders", "products"))
PARTITIONS = (1, 2)
SMALL = {
    "inbox_batch": 4,
    "inbox_turn_shops": 2,
    "inbox_solo_per_second": 5,
    "queue_attempts": 3,
    "queue_backoff_delay": 1000,
    "park_first_seconds": 5,
    "park_longest_seconds": 20,
    "park_max_seconds": 60,
    "unhandled_seconds": 120,
}
# Longest of what may have to pass: a replaced wake-up (60 s), a webhook that nobody knew (60 s),
# a solo task published again (up to 300 s).
ENDS_WITHIN_S = 500

# A history begins at this time, and each script takes so long, whatever the machine does meanwhile:
# else one that is run again would go another way. All that waits does so for whole seconds.
BEGINS_MS = 1_800_000_000_000
SCRIPT_MS = 7

which = st.integers(0, 30)
verdicts = st.text("DDDDDUFXBGN", min_size=1, max_size=4)


class Still:
    """A clock for asking again without waiting."""

    def time(self) -> float:
        return 0.0

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        pass


class Wire:
    """Between the callers and the server: notes every raw answer, and can lose the next one."""

    def __init__(self, inboxes: list[Inbox]) -> None:
        self.inbox = inboxes[0]
        begin_at(self.inbox, BEGINS_MS)
        self.answers: list[Any] = []
        self.lose = False
        for inbox in inboxes:
            inbox.run = functools.partial(self.run, type(inbox).run, inbox)  # type: ignore[method-assign]

    def run(self, run: Callable[..., Any], inbox: Inbox, script: str, *argv: Any) -> Any:
        self.go_on()
        reply = run(inbox, script, *argv)
        if script in ("turn", "solo_claim", "solo_settle"):
            self.answers.append(reply)
            if self.lose:
                self.lose = False
                raise InboxUnavailable("the answer was lost after its effect")
        return reply

    def go_on(self) -> None:
        move_ms(self.inbox, SCRIPT_MS)

    def ask(self, ask: Callable[[], Any], *, lose: bool) -> tuple[bytes, Any]:
        """What took effect (the first answer's name), and what the caller was told."""
        self.answers.clear()
        self.lose = lose
        told = ask()
        first, last = self.answers[0], self.answers[-1]
        if first[0] in (b"BATCH", b"RUN"):
            assert first == last, "asked again, it must be the same"
        return first[0], told


@dataclasses.dataclass
class Known:
    """What the model holds of one webhook since it was accepted or last replayed."""

    shop: str
    area: str
    topic: str
    order: int
    taker: object = None
    settled: str = ""
    fails: int = 0
    lone_runs: int = 0
    unhandled: int = 0
    rejected: bool = False
    parked: bool = False

    def replayed(self) -> None:
        self.fails = self.lone_runs = self.unhandled = 0
        self.rejected = self.parked = False


class History(RuleBasedStateMachine):
    def __init__(self, inboxes: list[Inbox]) -> None:
        super().__init__()
        self.all = inboxes
        self.inbox = inboxes[0]
        self.inbox.client.flushdb()
        self.wire = Wire(inboxes)
        self.work_key = self.inbox.keys.of("work")
        self.queue = queue_client(self.inbox)
        self.queue.flushdb()
        self.known: dict[str, Known] = {}
        self.drains: list[tuple[Drain, Batch]] = []
        self.claims: list[Claim] = []
        self.tasks: list[Due] = []
        self.doubled = 0
        self.told: Counter[str] = Counter()

    # ---- doors

    @initialize(n=st.integers(1, 6), shop=st.sampled_from(SHOPS))
    def begin_busy(self, n: int, shop: str) -> None:
        """Two shops have something, and a drain has begun."""
        self.tick()
        for one in {shop, SHOPS[0]}:
            self.accept(one, TOPICS[0], n)
        self.take_a_wake_up("orders", lose=False)

    @rule(shop=st.sampled_from(SHOPS), topic=st.sampled_from(TOPICS), n=st.integers(1, 6))
    def accept(self, shop: str, topic: tuple[str, str], n: int) -> None:
        name, area = topic
        new = range(len(self.known), len(self.known) + n)
        self.wire.go_on()
        answers = self.inbox.accept([arrival(one, shop, name, area) for one in new])
        assert answers == [Answer.ACCEPTED] * n
        for one in new:
            self.known[f"{shop}/{one}"] = Known(shop, area, name, one)

    @precondition(lambda self: self.known)
    @rule(i=which)
    def duplicate(self, i: int) -> None:
        ref, known = self.pick(i)
        one = arrival(keys.split_ref(ref)[1], known.shop, known.topic, known.area)
        self.wire.go_on()
        assert self.inbox.accept([one]) == [Answer.DUPLICATE]
        self.told["duplicate"] += 1

    def pick(self, i: int) -> tuple[str, Known]:
        ref = list(self.known)[i % len(self.known)]
        return ref, self.known[ref]

    @rule(i=which)
    def change_partitions(self, i: int) -> None:
        self.inbox = self.all[i % len(self.all)]

    # ---- drains

    @rule(area=AREAS, lose=st.booleans())
    def take_a_wake_up(self, area: str, lose: bool) -> None:
        message = pop_message(self.inbox, self.queue, area)
        if message:
            self.begin(area, *read_wakeup(message), lose=lose)

    @rule(i=which, wake=which)
    def take_any_wake_up(self, i: int, wake: int) -> None:
        """One of any number, of a partition with work."""
        work = sorted(part.decode() for part in self.inbox.client.smembers(self.work_key))
        if work:
            area, _, p = work[i % len(work)].partition("/")
            self.begin_unasked(area, int(p), wake)

    def begin_unasked(self, area: str, p: int, wake: int) -> None:
        """A drain that took no message: as if there had been one more."""
        self.doubled += 1
        self.begin(area, p, wake, lose=False)

    def begin(self, area: str, p: int, wake: int, *, lose: bool) -> None:
        drain = self.inbox.drain(area, p, wake, f"owner-{next(_names)}")
        _, told = self.wire.ask(drain.begin, lose=lose)
        self.took(drain, told)

    def took(self, drain: Drain, told: Batch | Ending) -> None:
        assert told is not Ending.MISFIT
        if not isinstance(told, Batch):
            return
        self.drains.append((drain, told))
        for shop, webhooks in told.by_shop():
            refs = [webhook.ref for webhook in webhooks]
            for ref in refs:
                self.taken(ref, drain)
            self.in_order(keys.short(shop), webhooks[0].area, refs)

    def taken(self, ref: str, taker: object) -> None:
        known = self.known[ref]
        assert not known.settled, f"{ref} was settled and runs again"
        known.taker = taker

    def in_order(self, shop: str, area: str, refs: list[str]) -> None:
        """Healthy webhooks of a shop run in the order of their acceptance."""
        orders = [self.known[ref].order for ref in refs]
        assert orders == sorted(orders)
        paused = self.paused()
        for ref, known in self.known.items():
            if (known.shop, known.area, known.settled) != (shop, area, ""):
                continue
            healthy = not self.inbox.client.exists(self.inbox.keys.of("trouble", ref))
            if healthy and known.order < orders[-1] and f"topic:{known.topic}" not in paused:
                assert ref in refs, f"{ref} was passed by {refs}"

    @precondition(lambda self: self.drains)
    @rule(
        i=which, letters=verdicts, last=st.booleans(), lose=st.booleans(), wait=st.integers(-4, 2)
    )
    def turn(self, i: int, letters: str, last: bool, lose: bool, wait: int) -> None:
        """A drain settles, in time or long after it lost its lease."""
        drain, batch = self.drains.pop(i % len(self.drains))
        said = [letters[n % len(letters)] for n in range(len(batch.webhooks))]
        shops = [shop for shop, _ in batch.by_shop()]
        parkings = (
            {shops[i % len(shops)]: Parking("budget", 7000 * wait)} if wait >= 0 and shops else {}
        )
        self.settle_turn(drain, batch, said, parkings, last=last, lose=lose)

    def settle_turn(
        self,
        drain: Drain,
        batch: Batch,
        said: list[str],
        parkings: dict[str, Parking],
        *,
        last: bool,
        lose: bool = False,
    ) -> None:
        settlement = Settlement([Verdict(Letter(letter), "why") for letter in said], parkings)
        effect, told = self.wire.ask(
            lambda: drain.next(settlement, last=last, jitter=0.0), lose=lose
        )
        if effect != b"LOST":
            for webhook, letter in zip(batch.webhooks, said, strict=True):
                self.said(webhook.ref, letter, drain)
            for shop in parkings:
                self.parked(shop)
        self.took(drain, told)

    def said(self, ref: str, letter: str, taker: object) -> None:
        """A verdict took effect: only its last taker's may."""
        known = self.known[ref]
        assert known.taker is taker, f"{ref} was settled by one who lost it"
        assert not known.settled, f"{ref} was settled twice"
        known.taker = None
        if letter in "DU":
            known.settled = letter
            self.told["done" if letter == "D" else "superseded"] += 1
        known.fails += letter == "F"
        known.unhandled += letter == "N"
        known.rejected |= letter == "X"

    def parked(self, shop: str) -> None:
        for known in self.known.values():
            known.parked |= known.shop == keys.short(shop)

    @precondition(lambda self: self.drains)
    @rule(i=which)
    def renew_a_drain(self, i: int) -> None:
        drain, batch = self.drains[i % len(self.drains)]
        area, p, owner = drain._where
        self.inbox.renew("part", f"{area}/{p}", owner, batch.token)

    @precondition(lambda self: self.drains)
    @rule(i=which)
    def crash_a_drain(self, i: int) -> None:
        self.drains.pop(i % len(self.drains))
        self.pass_time(20)

    @precondition(lambda self: self.drains)
    @rule(i=which, letters=verdicts)
    def wake_up_late(self, i: int, letters: str) -> None:
        """A drain was frozen; its lease ended and the partition is another's when it settles."""
        drain, batch = self.drains.pop(i % len(self.drains))
        area, p, _ = drain._where
        self.pass_time(20)
        self.begin_unasked(area, p, 99)
        said = [letters[n % len(letters)] for n in range(len(batch.webhooks))]
        self.settle_turn(drain, batch, said, {}, last=True)

    @precondition(lambda self: self.drains)
    @rule(i=which)
    def begin_after_an_outage(self, i: int) -> None:
        """Nobody could renew, so another drain must not take the lease for ended."""
        drain, _ = self.drains[i % len(self.drains)]
        area, p, _ = drain._where
        before = self.recoveries()
        move_time(self.inbox, 30)
        self.begin_unasked(area, p, 99)
        assert self.recoveries() == before

    # ---- alone

    @precondition(lambda self: self.tasks)
    @rule(i=which, lose=st.booleans(), twice=st.booleans())
    def take_a_task(self, i: int, lose: bool, twice: bool) -> None:
        due = self.tasks[i % len(self.tasks)] if twice else self.tasks.pop(i % len(self.tasks))
        self.claim(due.shop, due.webhook_id, lose=lose, alone=not twice)

    @precondition(lambda self: self.known)
    @rule(i=which)
    def claim_by_hand(self, i: int) -> None:
        ref, _ = self.pick(i)
        self.claim(*keys.split_ref(ref), lose=False)

    def claim(self, shop: str, webhook_id: str, *, lose: bool, alone: bool = True) -> None:
        owner = f"owner-{next(_names)}"
        _, told = self.wire.ask(
            lambda: self.inbox.claim(shop, webhook_id, owner, alone=alone), lose=lose
        )
        if isinstance(told, Claim):
            assert alone or not told.suspect
            self.taken(told.webhook.ref, told.token)
            self.known[told.webhook.ref].lone_runs += told.suspect
            self.claims.append(told)
            running = [one for one in self.claims if one.suspect and self.still_runs(one)]
            assert len(running) <= 1, "suspects run one at a time"

    def still_runs(self, claim: Claim) -> bool:
        found = trouble(self.inbox, claim.webhook.ref)
        return found.get("state") == "running" and found.get("token") == claim.token

    @precondition(lambda self: self.claims)
    @rule(i=which, letter=st.sampled_from("DDFXBBBN"), lose=st.booleans(), wait=st.integers(-2, 2))
    def settle_alone(self, i: int, letter: str, lose: bool, wait: int) -> None:
        claim = self.claims.pop(i % len(self.claims))
        parking = Parking("budget", 7000 * wait) if wait >= 0 and letter == "B" else None
        self.settle_claim(claim, letter, parking, lose=lose)

    def settle_claim(
        self, claim: Claim, letter: str, parking: Parking | None = None, *, lose: bool = False
    ) -> None:
        verdict = Verdict(Letter(letter), "why")
        effect, _ = self.wire.ask(
            lambda: self.inbox.settle(claim, verdict, parking, 0.0), lose=lose
        )
        if effect == b"OK":
            self.said(claim.webhook.ref, letter, claim.token)
            known = self.known[claim.webhook.ref]
            known.lone_runs -= claim.suspect
            if parking:
                self.parked(claim.webhook.shop)

    @precondition(lambda self: self.claims)
    @rule(i=which, letter=st.sampled_from("FFFCN"))
    def keep_failing(self, i: int, letter: str) -> None:
        """One webhook's runs fail, crash or find no handler, again and again."""
        claim = self.claims.pop(i % len(self.claims))
        for _ in range(6):
            if letter != "C":
                self.settle_claim(claim, letter)
            self.pass_time(70 if letter == "N" else 20)
            self.claim(claim.webhook.shop, claim.webhook.webhook_id, lose=False)
            if not self.claims or self.claims[-1].webhook.ref != claim.webhook.ref:
                return
            claim = self.claims.pop()

    @precondition(lambda self: self.claims)
    @rule(i=which, letter=st.sampled_from("DFX"))
    def run_late(self, i: int, letter: str) -> None:
        """A lone run was frozen; its webhook is another's when it settles."""
        claim = self.claims.pop(i % len(self.claims))
        self.pass_time(20)
        self.claim(claim.webhook.shop, claim.webhook.webhook_id, lose=False)
        self.settle_claim(claim, letter)

    @precondition(lambda self: self.claims)
    @rule(i=which)
    def crash_alone(self, i: int) -> None:
        self.claims.pop(i % len(self.claims))
        self.pass_time(20)

    @precondition(lambda self: self.tasks)
    @rule(i=which)
    def lose_a_task(self, i: int) -> None:
        self.tasks.pop(i % len(self.tasks))

    # ---- messages

    @rule(area=AREAS)
    def lose_a_wake_up(self, area: str) -> None:
        self.queue.rpop(self.queue_key(area))

    @rule(area=AREAS, i=which)
    def double_a_wake_up(self, area: str, i: int) -> None:
        messages = self.queue.lrange(self.queue_key(area), 0, -1)
        if messages:
            self.queue.lpush(self.queue_key(area), messages[i % len(messages)])
            self.doubled += 1

    def queue_key(self, area: str) -> str:
        return f"{self.inbox.settings.avnu_namespace}:{area}"

    # ---- time

    @rule()
    def tick(self) -> None:
        self.pass_time(1)

    @rule(seconds=st.sampled_from((4, 8, 20, 70)))
    def pass_time(self, seconds: int) -> None:
        for _ in range(max(1, seconds // 4)):
            move_time(self.inbox, min(seconds, 4))
            self.tasks += self.inbox.tick().due
        del self.tasks[:-50]

    @rule(seconds=st.sampled_from((6, 30, 4000, -30, -4000)))
    def clock_jumps(self, seconds: int) -> None:
        """Everything was down, or the clock of the host was set: no lease ends by it."""
        before = self.recoveries()
        move_time(self.inbox, seconds)
        ticked = self.inbox.tick()
        if not ticked.early:
            assert ticked.recovered == 0
        self.tasks += ticked.due
        assert self.recoveries() == before

    def recoveries(self) -> int:
        return sum("crashed" in trouble(self.inbox, ref) for ref in self.known)

    # ---- operators

    @rule(what=st.sampled_from(PAUSES), resume=st.booleans())
    def pause_or_resume(self, what: tuple[str, str], resume: bool) -> None:
        (self.inbox.resume if resume else self.inbox.pause)(*what)

    def paused(self) -> set[str]:
        return {what.decode() for what in self.inbox.client.smembers(self.inbox.keys.of("paused"))}

    @rule(shop=st.sampled_from(SHOPS))
    def unpark(self, shop: str) -> None:
        self.inbox.unpark(shop)

    @precondition(lambda self: self.known)
    @rule(some=st.lists(which, min_size=1, max_size=5, unique=True))
    def replay(self, some: list[int]) -> None:
        """Whatever stands where; of the dead, one more."""
        refs = {self.pick(i)[0] for i in some} | set(self.dead()[:1])
        for ref, outcome in self.inbox.replay(sorted(refs)).items():
            if outcome == "replayed":
                self.known[ref].replayed()

    @precondition(lambda self: self.known)
    @rule(i=which)
    def drop(self, i: int) -> None:
        dead = self.dead()
        ref = dead[i % len(dead)] if dead else self.pick(i)[0]
        assert self.inbox.drop([ref]) == {ref: "deleted" if dead else "gone"}
        if dead:
            self.known[ref].settled = "x"

    def dead(self) -> list[str]:
        return [ref.decode() for ref in self.inbox.client.zrange(self.inbox.keys.of("dead"), 0, -1)]

    # ---- what always holds

    @invariant()
    def the_accounts_add_up(self) -> None:
        found = audit(self.inbox)
        assert found.faults == []
        assert found.places["settled"] == sum(bool(known.settled) for known in self.known.values())
        totals: Counter[str] = Counter()
        for name, n in found.counts.items():
            totals[name.partition(":")[0]] += n
        assert totals["accepted"] == len(self.known)
        for name in ("duplicate", "done", "superseded"):
            assert totals[name] == self.told[name], name

    @invariant()
    def settled_is_what_was_settled(self) -> None:
        with self.inbox.client.pipeline(transaction=False) as pipe:
            for ref in self.known:
                pipe.getrange(self.inbox.keys.of("record", ref), 0, 1)
            heads = pipe.execute()
        outcomes = {b"=d": "D", b"=u": "U", b"=x": "x"}
        for (ref, known), head in zip(self.known.items(), heads, strict=True):
            assert outcomes.get(head, "") == known.settled, ref

    @invariant()
    def deaths_are_legitimate(self) -> None:
        for ref in self.dead():
            known, cause = self.known[ref], trouble(self.inbox, ref)["cause"]
            legitimate = {
                "attempts": known.fails >= SMALL["queue_attempts"],
                "rejected": known.rejected,
                "poison": known.lone_runs >= SMALL["queue_attempts"],
                "unavailable": known.parked,
                "unhandled": known.unhandled > SMALL["unhandled_seconds"] // 60,
            }
            assert legitimate[cause], f"{ref} is dead of {cause}: {known}"

    @invariant()
    def nothing_outlives_its_attempts(self) -> None:
        for ref, known in self.known.items():
            assert known.fails <= SMALL["queue_attempts"], ref
            assert known.lone_runs <= SMALL["queue_attempts"], ref

    @invariant()
    def wake_ups_are_bounded(self) -> None:
        for area in ("orders", "products"):
            bound = 2 * max(PARTITIONS) + SMALL["inbox_solo_per_second"] + self.doubled
            assert self.queue.llen(self.queue_key(area)) <= bound

    # ---- liveness

    def teardown(self) -> None:
        """Faults stop: workers that live end their runs, the dead stay dead, time goes on."""
        for what in self.paused():
            self.inbox.resume(*what.split(":"))
        self.drains.clear()
        self.claims.clear()
        for _ in range(ENDS_WITHIN_S // 4):
            if self.open() == 0:
                break
            move_time(self.inbox, 4)
            self.tasks = list(self.inbox.tick().due)
            self.work()
        self.the_accounts_add_up()
        self.deaths_are_legitimate()
        assert self.open() == 0, audit(self.inbox).places
        self.queue.close()

    def open(self) -> int:
        dead = self.dead()
        return sum(not known.settled for known in self.known.values()) - len(dead)

    def work(self) -> None:
        """What workers do in these seconds: every message is taken, every handler succeeds."""
        for area in ("orders", "products"):
            while message := pop_message(self.inbox, self.queue, area):
                self.begin(area, *read_wakeup(message), lose=False)
                while self.drains:
                    drain, batch = self.drains.pop()
                    self.settle_turn(drain, batch, ["D"] * len(batch.webhooks), {}, last=True)
        for due in self.tasks:
            self.claim(due.shop, due.webhook_id, lose=False)
            while self.claims:
                self.settle_claim(self.claims.pop(), "D")


def _numbers() -> Iterator[int]:
    n = 0
    while True:
        n += 1
        yield n


_names = _numbers()


@pytest.fixture
def inboxes(settings: Settings) -> Iterator[list[Inbox]]:
    """The same inbox, as two deployments with different numbers of partitions see it."""
    opened = [
        still_inbox(settings, Still(), inbox_partitions=partitions, **SMALL)
        for partitions in PARTITIONS
    ]
    yield opened
    for inbox in opened:
        inbox.client.close()


def run(inboxes: list[Inbox], **how: Any) -> None:
    run_state_machine_as_test(
        functools.partial(History, inboxes),  # type: ignore[arg-type]
        settings=hypothesis.settings(
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            phases=(Phase.generate, Phase.shrink),  # explaining traces every line, ten times slower
            **how,
        ),
    )


@pytest.mark.timeout(300)
def test_histories(inboxes: list[Inbox]) -> None:
    run(inboxes, max_examples=25, stateful_step_count=50, derandomize=True)


@pytest.mark.soak
@pytest.mark.timeout(4 * 3600)
def test_many_histories(inboxes: list[Inbox]) -> None:
    """Other ones each time; what breaks is printed as a program that repeats it."""
    run(inboxes, max_examples=3000, stateful_step_count=100, derandomize=False, print_blob=True)
