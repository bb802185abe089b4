"""Partitions with work that nobody takes up: no live lease, and a wake-up that leads to none."""

from collections import Counter

from avnu.clock import server_ms
from avnu.inbox import Inbox
from avnu.inbox.reach import reaching


def stuck_partitions(inbox: Inbox, after_s: float) -> dict[str, int]:
    """Per area how many have waited for longer than that since they were last woken.

    The tick wakes again after 2 s, and after a minute at the latest while the queue is short; so
    either wake-ups are lost again and again, or no worker takes this area's messages. Areas that an
    operator has paused are not in. Two round trips; raises InboxUnavailable.
    """
    of = inbox.keys.of
    with reaching():
        with inbox.client.pipeline(transaction=False) as pipe:
            pipe.smembers(of("work"))
            pipe.smembers(of("paused"))
            pipe.hget(of("control"), "offset")
            pipe.time()
            work, paused, offset, time = pipe.execute()
        parts = [part.decode() for part in work]
        with inbox.client.pipeline(transaction=False) as pipe:
            for part in parts:
                pipe.hmget(of("part", part), ["until", "woken", "tries"])
            found = pipe.execute()
    now_ms = server_ms(time, offset)
    stuck: Counter[str] = Counter(dict.fromkeys(inbox.areas, 0))
    for part, (until, woken, tries) in zip(parts, found, strict=True):
        area = part.rpartition("/")[0]
        held = until is not None and int(until) > now_ms
        if held or f"area:{area}".encode() in paused:
            continue
        # Before its n-th replacement it had waited 2 + 4 + … + 2^n seconds.
        waited_s = (now_ms - int(woken or 0)) / 1000 + 2 ** min(int(tries or 0) + 1, 20) - 2
        stuck[area] += waited_s > after_s
    return dict(stuck)
