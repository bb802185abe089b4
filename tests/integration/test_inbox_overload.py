"""Long overload: arrivals go on, three workers tick, and nobody takes a message."""

import pytest

from avnu.inbox import Inbox
from avnu.inbox.solo import Claim
from avnu.inbox.turn import Batch
from avnu.settings import Settings
from tests.support.inbox import (
    ALONE,
    DONE,
    accept,
    begin,
    check,
    counts,
    drain,
    move_time,
    new_owner,
    pop_message,
    queue_client,
    read_wakeup,
    settle,
    still_inbox,
)

# Longer than either interval of a repetition grows (1 and 5 minutes), all steps of it together.
LONG_S = 20 * 60
WORKERS = 3
PARTITIONS = 4
PER_SECOND = 20


@pytest.fixture
def inbox(settings: Settings) -> Inbox:
    return still_inbox(
        settings, inbox_partitions=PARTITIONS, inbox_solo_per_second=PER_SECOND, inbox_batch=1000
    )


class Queue:
    """The orders queue, which nobody consumes; its greatest length."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._client = queue_client(inbox)
        self._key = f"{inbox.settings.avnu_namespace}:orders"
        self.longest = 0

    def second_passes(self, inbox: Inbox) -> None:
        """All workers tick; what is due is published, as a worker would."""
        move_time(inbox, 1)
        for _ in range(WORKERS):
            for due in inbox.tick().due:
                self._client.lpush(self._key, f"solo {due.shop}/{due.webhook_id}")
        self.longest = max(self.longest, self._client.llen(self._key))

    def take(self) -> bytes | None:
        return pop_message(self._inbox, self._client)


@pytest.mark.parametrize("long_s", [LONG_S // 2, pytest.param(6 * LONG_S, marks=pytest.mark.soak)])
def test_wake_ups_stay_within_their_bound(inbox: Inbox, long_s: int) -> None:
    queue = Queue(inbox)
    for second in range(long_s):
        if second % 3 == 0:
            accept(inbox, second, shop=f"shop{second % 40}")
        queue.second_passes(inbox)
    assert PARTITIONS <= queue.longest <= 2 * PARTITIONS
    check(inbox, waiting=long_s // 3)
    drain_all(inbox, queue)
    check(inbox, settled=long_s // 3)


@pytest.mark.parametrize("long_s", [LONG_S // 2, pytest.param(LONG_S * 2, marks=pytest.mark.soak)])
def test_solo_tasks_and_wake_ups_stay_within_their_bound(inbox: Inbox, long_s: int) -> None:
    queue = Queue(inbox)
    accept(inbox, *range(500))
    holder, batch = begin(inbox)
    settle(holder, *[ALONE] * len(batch.webhooks))
    for second in range(long_s):
        if second % 3 == 0:
            accept(inbox, f"new-{second}", shop=f"shop{second % 40}")
        queue.second_passes(inbox)
    assert PARTITIONS + PER_SECOND <= queue.longest <= 2 * PARTITIONS + PER_SECOND
    check(inbox, waiting=long_s // 3, solo=500)
    for _ in range(400):
        drain_all(inbox, queue)
        queue.second_passes(inbox)
        if counts(inbox).get("done:orders") == long_s // 3 + 500:
            break
    check(inbox, settled=long_s // 3 + 500)


def drain_all(inbox: Inbox, queue: Queue) -> None:
    """Workers are back: what stands in the queue is enough to begin with everything."""
    while message := queue.take():
        if message.startswith(b"solo"):
            shop, _, webhook_id = message.decode().removeprefix("solo ").partition("/")
            got = inbox.claim(shop, webhook_id, new_owner())
            if isinstance(got, Claim):
                assert inbox.settle(got, DONE, None, 0.0)
            continue
        p, wake = read_wakeup(message)
        holder = drain(inbox, p=p, wake=wake)
        step = holder.begin()
        while isinstance(step, Batch):
            step = settle(holder, *[DONE] * len(step.webhooks), last=False)
