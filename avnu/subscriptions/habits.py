"""How often each shop sends each topic, so that silence can be told from a quiet shop.

Noted in memory, once per shop and turn, and brought to the database every five minutes. Measured
on a busy machine: 6 µs for a turn with one webhook of a shop, 14 µs with fifty, and under a second
for all rows of 3,000 shops. A process that is killed loses five minutes, and what is asked is a
matter of days. In the database and not in Redis: a cache that was wiped would know of no silence,
and the inbox has no room for what is not needed to keep webhooks.

The habit is the longest gap, and fades by half in 30 days: a mean would call every weekend
silence. Webhooks that Avnu made itself (reconciliation) do not count.
"""

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, select, tuple_

from avnu.background import Background
from avnu.errors import StoreOutdated, StoreUnavailable
from avnu.inbox.arrival import OWN, Stored
from avnu.per_process import PerProcess
from avnu.store.columns import instant
from avnu.store.database import Store
from avnu.store.inserting import insert_into
from avnu.store.tables import habits

log = logging.getLogger(__name__)

_EVERY_S = 300.0
_CHUNK = 200
# While the database is away no more than these are remembered.
_MOST = 50_000
_HALF_LIFE_S = 30 * 86_400.0

Key = tuple[str, str]  # shop, topic


class Habit(msgspec.Struct, frozen=True):
    """One topic of one shop: webhooks seen, the last of them, the longest gap (faded)."""

    topic: str
    seen: int
    last_at: datetime
    gap_s: float


class _Noted:
    """Of one process, not in the database yet: how many, the first and the last (unix ms)."""

    def __init__(self, flush: Background) -> None:
        self.lock = threading.Lock()
        self.by_key: dict[Key, tuple[int, int, int]] = {}
        self.flush = flush


class Habits:
    """Safe between threads and across a fork."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._processes = PerProcess(
            lambda: _Noted(Background("habits", self._flush_step, _EVERY_S))
        )

    def note(self, shop: str, webhooks: Iterable[Stored]) -> None:
        """These were handled, oldest first. Never raises, and asks nobody."""
        batch: dict[str, list[int]] = {}
        for one in webhooks:
            if one.name in OWN:
                continue
            told = batch.get(one.topic)
            if told is None:
                batch[one.topic] = [1, one.accepted_ms, one.accepted_ms]
            else:
                told[0] += 1
                told[2] = one.accepted_ms
        if batch:
            self._add(shop, batch)

    def _add(self, shop: str, batch: Mapping[str, Sequence[int]]) -> None:
        here = self._processes.get()
        with here.lock:
            for topic, (n, first, last) in batch.items():
                before = here.by_key.get((shop, topic))
                if before is not None:
                    sums = (before[0] + n, min(before[1], first), max(before[2], last))
                    here.by_key[shop, topic] = sums
                elif len(here.by_key) < _MOST:
                    here.by_key[shop, topic] = (n, first, last)
        here.flush.soon()

    def of(self, shop: str) -> list[Habit]:
        """What is known of a shop, by topic. Raises StoreUnavailable."""
        query = select(habits).where(habits.c.shop == shop).order_by(habits.c.topic)
        with self._store.reading() as connection:
            rows = connection.execute(query).all()
        return [Habit(row.topic, row.seen, row.last_at, row.gap_s) for row in rows]

    def flush(self) -> None:
        """Bring all that is noted to the database now. Raises StoreUnavailable."""
        here = self._processes.get()
        with here.lock:
            noted, here.by_key = here.by_key, {}
        # In one order, so that two processes cannot lock each other out.
        left = sorted(noted.items())
        try:
            while left:
                with self._store.writing() as connection:
                    _write(connection, left[:_CHUNK])
                left = left[_CHUNK:]
        except BaseException:
            with here.lock:
                here.by_key = {**dict(left), **here.by_key}
            raise

    def close(self) -> None:
        """Bring what is left to the database, if it answers, and end the thread."""
        if self._processes.made():
            self._processes.get().flush.stop()
            self._flush_step()

    def _flush_step(self) -> bool:
        """Answers whether something is left to do."""
        try:
            self.flush()
        except (StoreUnavailable, StoreOutdated) as fault:
            log.warning("how often shops send is noted later: %s", fault)
        return bool(self._processes.get().by_key)


def _write(connection: Connection, noted: Sequence[tuple[Key, tuple[int, int, int]]]) -> None:
    """Read, reckon, write. Two at once may lose a count, which matters to nobody."""
    columns = (habits.c.shop, habits.c.topic)
    query = select(habits).where(tuple_(*columns).in_([key for key, _ in noted]))
    known = {
        (row.shop, row.topic): Habit(row.topic, row.seen, row.last_at, row.gap_s)
        for row in connection.execute(query)
    }
    rows = [
        {"shop": key[0], **msgspec.structs.asdict(grown(known.get(key), key[1], *what))}
        for key, what in noted
    ]
    statement = insert_into(connection.dialect.name, habits)
    new = {name: statement.excluded[name] for name in ("seen", "last_at", "gap_s")}
    connection.execute(
        statement.on_conflict_do_update(index_elements=list(columns), set_=new), rows
    )


def grown(known: Habit | None, topic: str, n: int, first_ms: int, last_ms: int) -> Habit:
    """The habit after ``n`` more webhooks, of which these were the first and the last.

    What lies between those two is not known, and mostly minutes.
    """
    first_at, last_at = instant(first_ms / 1000), instant(last_ms / 1000)
    if known is None:
        return Habit(topic, n, last_at, 0.0)
    # One that was handled late, alone or by another process, is no gap.
    gap_s = max(0.0, (first_at - known.last_at).total_seconds())
    passed_s = max(0.0, (last_at - known.last_at).total_seconds())
    faded_s = known.gap_s * 0.5 ** (passed_s / _HALF_LIFE_S)
    return Habit(topic, known.seen + n, max(known.last_at, last_at), max(gap_s, faded_s))
