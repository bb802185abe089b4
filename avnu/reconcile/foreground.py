"""A comparison that somebody waits for: to the end, or only looked at.

It sleeps where a worker would let go: for points, and for webhooks that wait. Everything else
that makes a run wait is raised, and the run goes on from there when it is asked for again, or when
the periodic job comes to it.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from avnu.clock import Clock
from avnu.errors import (
    BudgetSpent,
    CallRefused,
    CheckFailed,
    LineTooLong,
    OutOfTime,
    Park,
    Throttled,
)
from avnu.reconcile.looking import Found, look_for_changes, look_for_deletes
from avnu.reconcile.resources import Reconciled
from avnu.reconcile.steps import Steps
from avnu.reconcile.watermarks import Watermark
from avnu.store.columns import instant

_WORTH_WAITING = (BudgetSpent, Throttled, OutOfTime, LineTooLong)
# A line may empty sooner than it says, and the row must not be taken for nobody's.
_LONGEST_S, _SHORTEST_S = 2.0, 0.2


class Foreground:
    """``waits`` is told why it waits, each time."""

    def __init__(self, steps: Steps, clock: Clock, waits: Callable[[Park], object]) -> None:
        self._steps = steps
        self._clock = clock
        self._waits = waits

    def run_to_end(self, mark: Watermark, told: Callable[[Watermark], object]) -> Watermark:
        """Takes all steps; ``told`` of the row after each. The row as it is in the end.

        However it ends, the row is let go. Raises CheckFailed where another has taken it, and
        CallRefused where Shopify will never answer this; then the next run begins anew.
        """
        last = mark
        try:
            while last.run_at is not None:
                last = self._step(last)
                told(last)
        except CallRefused as fault:
            self._steps.marks.give_up(last, self._steps.next_s(), type(fault).__name__)
            raise
        finally:
            # Of one that was given up, or is another's, this changes nothing.
            if last.run_at is not None:
                self._steps.marks.let_go(last, 0.0, None)
        return last

    def _step(self, mark: Watermark) -> Watermark:
        while True:
            try:
                return _still_ours(self._steps.step(mark, grace_s=0.0))
            except _WORTH_WAITING as park:
                self._wait(park)
                mark = _still_ours(self._steps.marks.save(mark))

    def look_only(
        self, domain: str, resource: Reconciled, since: datetime | None
    ) -> Iterator[Found]:
        """What a run would find, page by page; nothing is changed, whoever else runs."""
        created_since = self._steps.swept_from(domain, resource, instant(self._clock.time()))

        def changes(cursor: str | None) -> Found:
            return look_for_changes(self._steps.shop(domain), resource, since, cursor, None)

        def deletes(cursor: str | None) -> Found:
            return look_for_deletes(self._steps.shop(domain), resource, cursor, created_since)

        yield from self._pages(changes)
        yield from self._pages(deletes)

    def _pages(self, look: Callable[[str | None], Found]) -> Iterator[Found]:
        cursor: str | None = None
        while True:
            try:
                found = look(cursor)
            except _WORTH_WAITING as park:
                self._wait(park)
                continue
            yield found
            cursor = found.after
            if cursor is None:
                return

    def _wait(self, park: Park) -> None:
        self._waits(park)
        self._clock.sleep(min(_LONGEST_S, max(_SHORTEST_S, park.wait_s or 0.0)))


def _still_ours(mark: Watermark | None) -> Watermark:
    if mark is None:
        raise CheckFailed("another reconciliation has taken over; this one has ended")
    return mark
