"""What rests in the inbox (dead letters, bodies that are kept) is looked through once, in slices.

An outage can leave more dead letters than one run may take, so each run takes up where the one
before it ended: dead letters in order of their death, kept bodies by SCAN's cursor, which begins
anew after its end. (A cursor of another server, after a failover, may pass over some keys once.)
"""

from collections.abc import Callable, Collection
from typing import NamedTuple

from avnu import keys
from avnu.inbox.bodies import Bare, Bodies, Name, Redacted
from avnu.inbox.reach import reaching

_REFS = 200
_SCAN = 1_000


class _Death(NamedTuple):
    """In the order in which Redis has them."""

    ms: int
    ref: str


class Resting:
    """Raises InboxUnavailable."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self._inbox = bodies.inbox
        self._searched = self._inbox.keys.of("searched")

    def redact(self, shops: Collection[str], bare: Bare, more: Callable[[], bool]) -> Redacted:
        """Replaces the bodies of these shops for which ``bare`` answers another.

        For as long as ``more`` says, and not again those that a run before has seen.
        """
        done, names = Redacted(), {keys.short(shop) for shop in shops}
        with reaching():
            self._dead(names, bare, done, more)
            if self._inbox.settings.webhook_keep_body_seconds:
                self._kept(names, bare, done, more)
        return done

    def _dead(
        self, shops: Collection[str], bare: Bare, done: Redacted, more: Callable[[], bool]
    ) -> None:
        client, dead = self._inbox.client, self._inbox.keys.of("dead")
        at, start = self._died(), 0
        while more():
            some = client.zrangebyscore(
                dead, at.ms, "+inf", start=start, num=_REFS, withscores=True
            )
            if not some:
                return
            deaths = [_Death(int(died_ms), ref.decode()) for ref, died_ms in some]
            refs = [death.ref for death in deaths if death > at]
            records = [(self._inbox.keys.of("record", ref).encode(), ref) for ref in refs]
            self._bodies.redact_these(_of(shops, records), bare, done)
            # Many can die in one ms.
            start = start + len(deaths) if deaths[-1].ms == at.ms else 0
            at = max(at, deaths[-1])
            client.hset(self._searched, "dead", f"{at.ms} {at.ref}")

    def _kept(
        self, shops: Collection[str], bare: Bare, done: Redacted, more: Callable[[], bool]
    ) -> None:
        client, prefix = self._inbox.client, self._inbox.keys.of("body")
        cursor = int(client.hget(self._searched, "kept") or 0)
        while more():
            cursor, found = client.scan(cursor, match=f"{prefix}*", count=_SCAN)
            bodies = [(key, key.decode("latin-1").removeprefix(prefix)) for key in found]
            self._bodies.redact_these(_of(shops, bodies), bare, done)
            client.hset(self._searched, "kept", cursor)
            if not cursor:
                return

    def _died(self) -> _Death:
        """The last dead letter that was looked at."""
        mark = self._inbox.client.hget(self._searched, "dead") or b"0"
        ms, _, ref = mark.decode().partition(" ")
        return _Death(int(ms), ref)


def _of(shops: Collection[str], names: list[Name]) -> list[Name]:
    return [(key, ref) for key, ref in names if ref.partition("/")[0] in shops]
