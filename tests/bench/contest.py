"""The measurements of all systems in interleaved rounds, and the issue's targets for them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar

from tests.bench import (
    accept,
    bodies,
    cached,
    ceiling,
    drain,
    durability,
    fairness,
    memory,
    weights,
)
from tests.bench.avnu_system import Avnu
from tests.bench.bodies import Body
from tests.bench.celery_system import PlainCelery
from tests.bench.deliveries import requests as render
from tests.bench.deliveries import spread_over
from tests.bench.effects_system import postgres_is_there, writing
from tests.bench.machine import Others
from tests.bench.report import Report, Target, median, median_ratio
from tests.bench.system import System

Measured = TypeVar("Measured")
Contender = TypeVar("Contender", bound=System)

_WRITING_SHOPS = 200


@dataclass(frozen=True)
class Scale:
    """How much is measured: rounds, seconds, webhooks; `crowd` are those beside the flood."""

    rounds: int
    accept_seconds: float
    accept_requests: int
    drained: int
    drained_warm_up: int
    drained_by_celery: int
    weighed: int
    flood: int
    crowd: int
    written: int


FULL = Scale(
    rounds=5,
    accept_seconds=4.0,
    accept_requests=60_000,
    drained=40_000,
    drained_warm_up=10_000,
    drained_by_celery=4_000,
    weighed=20_000,
    flood=50_000,
    crowd=80_000,
    written=8_000,
)
QUICK = Scale(
    rounds=1,
    accept_seconds=2.0,
    accept_requests=30_000,
    drained=15_000,
    drained_warm_up=5_000,
    drained_by_celery=1_500,
    weighed=20_000,
    flood=20_000,
    crowd=40_000,
    written=3_000,
)


@dataclass(frozen=True)
class Contest:
    """Avnu against the peers that this machine can run; `bullmq` holds one per process count."""

    scale: Scale
    report: Report
    bullmq: Sequence[System]
    celery: PlainCelery | None

    def accept(self) -> None:
        """Throughput, latency and CPU of the receivers."""
        scale = self.scale
        warm_up = render(accept.WARM_UP_REQUESTS, 200, "warm-up")
        requests = render(scale.accept_requests, 200, "accept")
        alone = ceiling.measure(requests[:20_000])
        self.report.note(
            f"generator alone: {alone.per_second:,.0f} requests/s through a trivial server, "
            f"{alone.per_cpu_second:,.0f} per second of its own CPU time"
        )
        rounds = self._interleave(
            (*self.bullmq, self.celery),
            lambda system: accept.measure(system, warm_up, requests, scale.accept_seconds),
        )
        columns = {
            "per_second": "webhooks/s",
            "p50_ms": "p50 ms",
            "p99_ms": "p99 ms",
            "cpu_s_per_1000": "CPU s per 1,000",
            "redis_cpu_s_per_1000": "of it Redis",
            "generator_share": "generator, cores",
        }
        self.report.rounds("Accept", columns, rounds)
        if best := self._best_bullmq(rounds):
            ours = rounds["Avnu"]
            ratio = median_ratio(ours, best, "per_second")
            p99 = median_ratio(ours, best, "p99_ms")
            cpu = median_ratio(ours, best, "cpu_s_per_1000")
            self._at_least("accept, webhooks/s ÷ BullMQ's", ratio, 1.3, aim=2.0)
            self._at_most("accept, p99 ÷ BullMQ's", p99, 0.7)
            self.report.note(f"accept, CPU per webhook ÷ BullMQ's: {cpu:.2f}")

    def durability(self) -> None:
        """What each INBOX_DURABILITY costs where webhooks are taken in."""
        scale = self.scale
        warm_up = render(accept.WARM_UP_REQUESTS, 200, "warm-up")
        requests = render(scale.accept_requests, 200, "durability")
        rounds = self._rounds(
            durability.PROMISES,
            lambda promise: durability.cost(promise, warm_up, requests, scale.accept_seconds),
        )
        columns = {"per_second": "webhooks/s", "p50_ms": "p50 ms", "p99_ms": "p99 ms"}
        self.report.rounds("Accept, by INBOX_DURABILITY", columns, rounds)
        cheapest, *others = durability.PROMISES
        for promise in others:
            rate = median_ratio(rounds[promise.name], rounds[cheapest.name], "per_second")
            p50 = median_ratio(rounds[promise.name], rounds[cheapest.name], "p50_ms")
            self.report.note(f"{promise.name} ÷ memory: webhooks/s {rate:.2f}, p50 {p50:.1f}")

    def drain(self) -> None:
        """Throughput and CPU of the workers, over 200 shops and over as many shops as webhooks."""
        self._drain("Drain, 200 shops", 200, limit=1.5, aim=3.0, celery=self.celery)
        self._drain("Drain, each its own shop", self.scale.drained, limit=1.0, aim=1.5, celery=None)

    def _drain(
        self, name: str, shops: int, *, limit: float, aim: float, celery: PlainCelery | None
    ) -> None:
        scale = self.scale
        requests = render(scale.drained, shops, name)

        def measure(system: System) -> drain.Drained:
            # Plain Celery is so slow that a tenth of the backlog already takes it as long.
            if system is celery:
                short = requests[: scale.drained_by_celery]
                return drain.measure(system, short, scale.drained_by_celery // 4)
            return drain.measure(system, requests, scale.drained_warm_up)

        rounds = self._interleave((*self.bullmq, celery), measure)
        columns = {
            "per_second": "webhooks/s",
            "cpu_s_per_1000": "CPU s per 1,000",
            "redis_cpu_s_per_1000": "of it Redis",
        }
        self.report.rounds(name, columns, rounds)
        label = name.lower()
        if best := self._best_bullmq(rounds):
            ratio = median_ratio(rounds["Avnu"], best, "per_second")
            cpu = median_ratio(rounds["Avnu"], best, "cpu_s_per_1000")
            self._at_least(f"{label} ÷ BullMQ's", ratio, limit, aim=aim)
            self.report.note(f"{label}, CPU per webhook ÷ BullMQ's: {cpu:.2f}")
        if celery:
            ratio = median_ratio(rounds["Avnu"], rounds[celery.name], "per_second")
            self._at_least(f"{label} ÷ plain Celery's", ratio, 10.0)

    def effects(self) -> None:
        """Settled per second when each webhook's product is written: batches, and one by one."""
        scale, spread = self.scale, spread_over(_WRITING_SHOPS)
        requests = render(scale.written, _WRITING_SHOPS, "effects")
        shops = [spread(n) for n in range(_WRITING_SHOPS)]
        on_both = postgres_is_there()
        if not on_both:
            self.report.note("PostgreSQL skipped: it is not installed")
        with writing(shops, sqlite_only=not on_both) as systems:
            rounds = self._rounds(
                systems, lambda system: drain.measure(system, requests, scale.written // 4)
            )
        columns = {"per_second": "webhooks/s", "cpu_s_per_1000": "CPU s per 1,000"}
        self.report.rounds("Drain with lasting effects, 200 shops", columns, rounds)
        for batches, alone in zip(systems[::2], systems[1::2], strict=True):
            ratio = median_ratio(rounds[batches.name], rounds[alone.name], "per_second")
            self._at_least(f"{batches.name} ÷ one by one", ratio, 1.5)

    def memory(self) -> None:
        """Bytes per waiting and per settled webhook."""
        warm_up = render(500, 200, "weigh warm-up")
        for name, shops in (("200 shops", 200), ("each its own shop", self.scale.weighed)):
            requests = render(self.scale.weighed, shops, name)
            systems = [Avnu(), *self.bullmq[:1]]
            weighed = {
                system.name: [memory.measure(system, warm_up, requests)] for system in systems
            }
            columns = {"waiting_bytes": "waiting, B", "settled_bytes": "settled, B"}
            self.report.rounds(f"Memory per webhook, {name}", columns, weighed)
            ours = weighed["Avnu"][0]
            if self.bullmq:
                theirs = weighed[self.bullmq[0].name][0].waiting_bytes
                self._at_most(f"memory, waiting, {name}", ours.waiting_bytes, theirs, unit="B")
            self._at_most(f"memory, settled, {name}", ours.settled_bytes, 300.0, unit="B")

    def weights(self) -> None:
        """Bytes by size of payload and by kind of cached value: the figures of `avnu sizing`."""
        weighed = {f"{size:,} B": [weights.measure(size)] for size in weights.SIZES}
        columns = {"waiting_bytes": "waiting, B", "settled_bytes": "settled, B"}
        self.report.rounds("Avnu's webhooks by size of payload", columns, weighed)
        kinds = {f"{one.kind} {one.loaded_bytes or ''}": [one] for one in cached.measure()}
        self.report.rounds("Cached values", {"stored_bytes": "stored, B"}, kinds)

    def fairness(self) -> None:
        """Seconds that a new shop waits behind one shop's flood."""
        scale = self.scale
        small = bodies.of_other_areas()
        self._fairness("partitions of products busy", scale.flood, scale.crowd, [bodies.product()])
        self._fairness("partitions of every area busy", scale.flood, scale.crowd // 2, small)

    def _fairness(self, name: str, flood: int, crowd: int, kinds: Sequence[Body]) -> None:
        waited = fairness.measure(flood, crowd, kinds)
        self.report.figures[f"Fairness, {name}"] = asdict(waited)
        self.report.note(
            f"fairness, {name}: {len(waited.seconds)} new shops settled after "
            f"{waited.seconds[0]:.2f} to {waited.seconds[-1]:.2f} s; then {waited.flood_left:,} "
            f"of the flood waited, {waited.busy} of {waited.partitions} partitions had work"
        )
        self._at_most(f"fairness, {name}", waited.seconds[-1], 2.0, unit="s")

    def _interleave(
        self, peers: Iterable[System | None], measure: Callable[[System], Measured]
    ) -> dict[str, list[Measured]]:
        """Every system once, then all again: what slows the machine for a while slows them all."""
        return self._rounds([Avnu(), *(peer for peer in peers if peer)], measure)

    def _rounds(
        self, systems: Sequence[Contender], measure: Callable[[Contender], Measured]
    ) -> dict[str, list[Measured]]:
        rounds: dict[str, list[Measured]] = {system.name: [] for system in systems}
        others = Others()
        for _ in range(self.scale.rounds):
            for system in systems:
                rounds[system.name].append(measure(system))
        if disturbed := others.verdict():
            self.report.note(disturbed)
        return rounds

    def _best_bullmq(self, rounds: dict[str, list[Measured]]) -> list[Measured] | None:
        """The rounds of the process count with which BullMQ does best."""
        candidates = [rounds[system.name] for system in self.bullmq]
        return max(candidates, key=lambda measured: median(measured, "per_second"), default=None)

    def _at_least(self, name: str, value: float, limit: float, aim: float | None = None) -> None:
        self.report.target(Target(name, value, limit, at_least=True, aim=aim))

    def _at_most(self, name: str, value: float, limit: float, unit: str = "") -> None:
        self.report.target(Target(name, value, limit, at_least=False, unit=unit))
