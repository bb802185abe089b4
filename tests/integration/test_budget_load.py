"""Real processes on one small bucket with Shopify's rules: nothing THROTTLED, nothing wasted.

The short run is part of `make test`; the minute of the full plan is `make soak`. Each prints its
figures, and those of the same load without a budget.
"""

import time
from collections import Counter
from dataclasses import dataclass, field

import pytest

from avnu.settings import Settings
from tests.support.bucket_server import Bucket, BucketServer
from tests.support.guarded_callers import CallerProcess
from tests.support.waiting import wait_until

pytestmark = pytest.mark.alone

ONE, TWO = "one.myshopify.com", "two.myshopify.com"
FAST = (12, 52, 102)
RUNS = 3


@dataclass
class Load:
    """What is played. ``rate`` in points per second, the bucket holds twenty times that."""

    seconds: float
    rate: float = 100
    guarded: bool = True
    foreign: float = 0.0
    kill_every_s: float = 0.0
    interactive_pause_s: float = 1.0
    processes: int = 4
    threads: int = 8


@dataclass
class Figures:
    """What came of it.

    ``use``: points spent per point restored, once the first burst is over. ``whole``: per point
    restored or there at the start, of which the floor (30 % of a bucket) is never bulk's to spend.
    """

    calls: int = 0
    throttled: int = 0
    use: float = 0.0
    whole: float = 0.0
    killed: int = 0
    interactive: list[float] = field(default_factory=list)
    other_shop: Counter[str] = field(default_factory=Counter)

    def wait(self, part: float) -> float:
        ranked = sorted(self.interactive)
        return ranked[min(len(ranked) - 1, int(part * len(ranked)))]

    def __str__(self) -> str:
        return (
            f"calls {self.calls}, THROTTLED {self.throttled}, "
            f"use {self.use:.1%} of what was restored ({self.whole:.1%} with the full bucket of "
            f"the start), interactive wait p50 {self.wait(0.5):.3f} s "
            f"p99 {self.wait(0.99):.3f} s of {len(self.interactive)}, killed {self.killed}"
        )


@dataclass
class Balance:
    """A bucket at one instant, calls under way counted as not yet charged."""

    at: float
    left: float
    spent: float
    foreign: float

    @classmethod
    def of(cls, bucket: Bucket) -> "Balance":
        with bucket.lock:
            bucket.refill()
            left = bucket.available + bucket.flying
            return cls(time.monotonic(), left, bucket.spent, bucket.foreign)

    def use_until(self, end: "Balance", rate: float) -> float:
        """Points spent per point restored; what was drawn from the stock does not count as use."""
        spent = end.spent - self.spent - max(0.0, self.left - end.left)
        return spent / (rate * (end.at - self.at) - (end.foreign - self.foreign))


def play(settings: Settings, load: Load) -> Figures:
    figures = Figures()
    capacity = load.rate * 20
    with BucketServer(capacity, load.rate, foreign=load.foreign, foreign_shop=ONE) as server:
        bucket = server.bucket(ONE)

        def begin(**plan: object) -> CallerProcess:
            whole = {"port": server.port, "shops": [ONE], "threads": load.threads} | plan
            return CallerProcess(settings, **({"seconds": 600, "guarded": load.guarded} | whole))

        bulk = [begin() for _ in range(load.processes)]
        for process in bulk:
            process.started()
        first = Balance.of(bucket)
        wait_until(lambda: bucket.available < capacity * 0.35, 30, "the first burst is over")
        start = Balance.of(bucket)
        inter = begin(
            **{"class": "interactive"}, threads=4, costs=FAST, seconds=load.seconds,
            pause_s=load.interactive_pause_s * 4,
        ).started()  # fmt: skip
        other = begin(shops=[TWO], threads=1, costs=FAST, seconds=load.seconds, pause_s=1.0)
        while time.monotonic() < start.at + load.seconds:
            time.sleep(load.kill_every_s or load.seconds)
            if load.kill_every_s:
                bulk.pop(0).kill()
                bulk.append(begin().started())
                figures.killed += 1
        end = Balance.of(bucket)
        figures.interactive = inter.finish()["waits"]
        figures.other_shop = Counter(other.finish()["causes"])
        for process in bulk:
            process.kill()
        figures.calls, figures.throttled = bucket.calls, bucket.throttled
        figures.use = start.use_until(end, load.rate)
        offered = capacity + load.rate * (end.at - first.at) - end.foreign
        figures.whole = end.spent / offered
        figures.other_shop["throttled"] += server.bucket(TWO).throttled
    return figures


def test_a_short_run(settings: Settings) -> None:
    plan = Load(seconds=5, rate=300, interactive_pause_s=0.3)
    # A machine that stands still for a second wastes points and lets callers wait, but not in each.
    for _ in range(RUNS):
        guarded = play(settings, plan)
        print(f"\nwith the budget:    {guarded}")
        assert guarded.throttled == 0
        assert guarded.other_shop["throttled"] == guarded.other_shop["budget"] == 0
        if guarded.use >= 0.85 and guarded.wait(0.9) <= 0.3:
            return
    pytest.fail(f"points wasted, or interactive calls waited, in each of {RUNS} runs")


def test_a_short_run_without_the_budget_is_throttled(settings: Settings) -> None:
    plan = Load(seconds=1, rate=300, guarded=False, interactive_pause_s=0.2, processes=2)
    figures = play(settings, plan)
    print(f"\nwithout the budget: {figures}")
    assert figures.throttled > 20, "else the test above proves nothing"


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("name", "changes", "use"),
    [
        ("alone", {}, 0.90),
        ("a stranger takes 20 %", {"foreign": 0.2}, 0.85),
        ("workers killed in flight", {"kill_every_s": 6.0}, 0.85),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_minute_on_one_standard_shop(
    settings: Settings, name: str, changes: dict[str, float], use: float
) -> None:
    guarded = play(settings, Load(seconds=60, **changes))  # type: ignore[arg-type]
    without = play(settings, Load(seconds=20, guarded=False, **changes))  # type: ignore[arg-type]
    print(f"\n{name}, 4 processes x 8 threads, Standard (2000, 100/s), 60 s")
    print(f"  with the budget:           {guarded}")
    print(f"  without the budget (20 s): {without}")
    assert guarded.throttled == 0
    assert guarded.use >= use
    assert guarded.wait(0.99) <= 0.3
    assert guarded.other_shop["throttled"] == guarded.other_shop["budget"] == 0
    assert without.throttled > 20
