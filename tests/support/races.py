"""What the processes of tests/integration/test_races.py do, all at the same instant.

``ready`` gives every process of a pool the barrier; ``race`` is then run once in each of them.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from threading import BrokenBarrierError
from typing import Any

import redis

from avnu.inbox import Inbox
from avnu.inbox.solo import Claim, Refusal
from avnu.inbox.turn import Batch, Ending, Letter, Settlement, Verdict
from avnu.settings import Settings
from tests.support.inbox import (
    DONE,
    arrival,
    domain,
    drain,
    now_ms,
    open_inbox,
    pass_time,
    pop_message,
    queue_client,
    read_wakeup,
)

_WAIT_S = 60
_barrier: Any = None


def ready(barrier: Any) -> None:
    """The pool's initializer."""
    global _barrier  # noqa: PLW0603 -- a spawned process has no other place for it
    _barrier = barrier


def race(
    environ: dict[str, str], me: int, action: str, rounds: Sequence[Sequence[Any]]
) -> list[str]:
    """Take part in every round of a race; what this process was answered in each."""
    # Eight of them keep the machine busy: a command that is late is not what a race is about.
    inbox = open_inbox(Settings.load({**environ, "REDIS_SOCKET_TIMEOUT_MS": "20000"}))
    inbox.client.ping()
    answers = []
    try:
        for arguments in rounds:
            _barrier.wait(_WAIT_S)
            answers.append(ACTIONS[action](inbox, me, *arguments))
    except BrokenBarrierError:
        return answers
    except BaseException:
        _barrier.abort()
        raise
    finally:
        inbox.client.close()
    return answers


def begin(inbox: Inbox, me: int, p: int) -> str:
    return _name(drain(inbox, p=p, owner=f"racer-{me}").begin())


def same_turn(inbox: Inbox, me: int, p: int, token: str, last: str) -> str:
    """One drain's settling turn, sent by everybody: only one of them can count."""
    reply = inbox.run("turn", "orders", p, "holder", token, 2, 1, last, 0, "D", 0)
    return str(reply[0].decode())


def deliver(inbox: Inbox, me: int, webhook_id: str) -> str:
    return inbox.accept([arrival(webhook_id)])[0].value


def deliver_same_bytes(inbox: Inbox, me: int, body: str, name: str, shop: str) -> str:
    """Each with an id (and perhaps a shop) of its own, but one body."""
    one = arrival(f"{body}-{name}-{me}", shop.format(me=me), body=body.encode() * 20)
    return inbox.accept([one])[0].value


def claim(inbox: Inbox, me: int, webhook_id: str) -> str:
    name = webhook_id.format(me=me)
    return _name(inbox.claim(domain("one"), name, f"racer-{me}", alone=True))


def settle_alone(inbox: Inbox, me: int, webhook_id: str, token: str, letter: str) -> str:
    reply = inbox.run("solo_settle", "one", webhook_id, "holder", token, letter, "", 0, "", "", 0)
    return str(reply[0].decode())


def recover_or_settle(inbox: Inbox, me: int, p: int, token: str) -> str:
    """The lease has ended: who comes first, its holder, a tick, or another drain?"""
    if me == 0:
        return same_turn(inbox, me, p, token, "1")
    if me % 2:
        return f"recovered {inbox.tick().recovered}"
    return begin(inbox, me, p)


def replay_or_drop(inbox: Inbox, me: int, ref: str) -> str:
    return (inbox.replay if me % 2 else inbox.drop)([ref])[ref]


def work(inbox: Inbox, me: int, seed: int, seconds: float) -> dict[str, Any]:
    """Everything at once for a while: deliver, drain, claim, crash, tick. Who settled what."""
    choose = random.Random(seed * 100 + me)
    did: Counter[str] = Counter()
    settled: list[str] = []
    tasks: list[str] = []
    until = time.monotonic() + seconds
    with queue_client(inbox) as queue:
        while time.monotonic() < until:
            did += Counter(_deliver(inbox, choose))
            frozen_until = until if me else 0.0  # process 0 moves time, so it must go on
            did += Counter(_drain(inbox, queue, choose, settled, tasks, frozen_until=frozen_until))
            did += Counter(_alone(inbox, tasks, choose, settled, frozen_until=frozen_until))
            if me == 0:
                tasks += [f"{due.shop}/{due.webhook_id}" for due in pass_time(inbox, 2, step_s=2)]
            if me == 1 and choose.random() < 0.2:
                (inbox.pause if choose.random() < 0.5 else inbox.resume)("area", "orders")
    return {"did": did, "settled": settled}


def _deliver(inbox: Inbox, choose: random.Random) -> list[str]:
    some = [arrival(choose.randrange(200), f"shop{choose.randrange(6)}") for _ in range(3)]
    return [answer.value for answer in inbox.accept(some)]


def _freeze(inbox: Inbox, until: float) -> None:
    """For longer than a lease, by the inbox's time, however quickly process 0 moves it."""
    over_ms = now_ms(inbox) + 1000 * (inbox.settings.inbox_lease_seconds + 1)
    while time.monotonic() < until and now_ms(inbox) < over_ms:
        time.sleep(0.02)


def _drain(
    inbox: Inbox,
    queue: "redis.Redis",
    choose: random.Random,
    settled: list[str],
    tasks: list[str],
    *,
    frozen_until: float,
) -> list[str]:
    message = pop_message(inbox, queue)
    p, wake = read_wakeup(message) if message else (choose.randrange(2), choose.randrange(50))
    holder = drain(inbox, p=p, wake=wake)
    step = holder.begin()
    seen = [_name(step)]
    while isinstance(step, Batch) and choose.random() > 0.1:
        said = [Verdict(Letter(choose.choice("DDDUFXBGN"))) for _ in step.webhooks]
        if choose.random() < 0.08:
            _freeze(inbox, frozen_until)
        held, last = step, choose.random() < 0.3
        step = holder.next(Settlement(said), last=last, jitter=0.0)
        seen.append(_name(step))
        if step is not Ending.LOST:
            pairs = list(zip(held.webhooks, said, strict=True))
            settled += [webhook.ref for webhook, verdict in pairs if verdict.letter in "DU"]
            # Sooner than the tick would: their tasks are early, or find that there is nothing.
            tasks += [webhook.ref for webhook, verdict in pairs if verdict.letter in "FXG"]
    return seen


def _alone(
    inbox: Inbox,
    claims: list[str],
    choose: random.Random,
    settled: list[str],
    *,
    frozen_until: float,
) -> list[str]:
    shop, webhook_id = f"shop{choose.randrange(6)}", str(choose.randrange(10**4))
    if claims:
        shop, _, webhook_id = claims.pop().partition("/")
    told = inbox.claim(domain(shop), webhook_id, f"{choose.random()}", alone=True)
    seen = [_name(told)]
    if isinstance(told, Claim) and choose.random() < 0.1:
        _freeze(inbox, frozen_until)
    if isinstance(told, Claim) and choose.random() > 0.2:
        kept = inbox.settle(told, DONE, None, 0.0)
        seen.append("settled" if kept else "lost alone")
        settled += [told.webhook.ref] * kept
    return seen


def _name(told: Batch | Ending | Claim | Refusal) -> str:
    if isinstance(told, Batch):
        return "BATCH"
    return "RUN" if isinstance(told, Claim) else told.value


ACTIONS: dict[str, Callable[..., Any]] = {
    action.__name__: action
    for action in (
        begin, same_turn, deliver, deliver_same_bytes, claim, settle_alone, recover_or_settle,
        replay_or_drop, work,
    )
}  # fmt: skip
