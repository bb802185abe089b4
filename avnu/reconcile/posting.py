"""Puts what differs into the inbox, each difference once, and never more than a shop can bear."""

from collections.abc import Iterator, Sequence

import msgspec

from avnu import journal, keys
from avnu.errors import InboxFull, LineTooLong
from avnu.inbox import Inbox
from avnu.inbox.arrival import SETTLED, Answer, Arrival
from avnu.inbox.reach import reaching

# One call of accept: some 2 ms of the server's time.
_GROUP = 100
_LINE_WAIT_S = 5.0

# A dead letter that nobody has looked at may end its difference for good: where time alone has
# mended its cause, the difference is put again. The others would die again, and again.
_OVER_WITH_TIME = (b"unavailable", b"unhandled")


class Posting:
    """The inbox, as a run uses it. Everything raises InboxUnavailable.

    ``most_open``: no page is begun for a shop that has so many webhooks waiting in the area.
    """

    def __init__(self, inbox: Inbox, most_open: int) -> None:
        self._inbox = inbox
        self._most_open = most_open

    def require_room(self, shop: str, area: str) -> None:
        """Raises LineTooLong. What travels alone does not count: there is little of it."""
        of = self._inbox.keys.of
        place = f"{area}/{keys.short(shop)}"
        with reaching(), self._inbox.client.pipeline(transaction=False) as pipe:
            pipe.llen(of("line", place))
            pipe.llen(of("held", place))
            waiting = sum(pipe.execute())
        if waiting >= self._most_open:
            raise LineTooLong(shop, area, waiting, _LINE_WAIT_S)

    def post(self, letters: Sequence[Arrival], run: str) -> int:
        """Put them in, those of which one like it is still open left out; how many that were.

        One that has been settled and is found again, although its id is known, has not helped: it
        is put once more, under an id that is the run's. Raises InboxFull.
        """
        known = self._accept(letters)
        again = [
            msgspec.structs.replace(one, webhook_id=f"{one.webhook_id}-{run}")
            for one in self._not_open(known)
        ]
        return len(letters) - len(known) + len(again) - len(self._accept(again))

    def _accept(self, letters: Sequence[Arrival]) -> list[Arrival]:
        """Those whose ids the inbox knew."""
        known: list[Arrival] = []
        for start in range(0, len(letters), _GROUP):
            some = letters[start : start + _GROUP]
            answers = self._inbox.accept(some)
            journal.accepted(some, answers)
            if Answer.FULL in answers:
                raise InboxFull("the inbox is full; what differs is put in when it has drained")
            known += (
                one for one, how in zip(some, answers, strict=True) if how is Answer.DUPLICATE
            )
        return known

    def _not_open(self, letters: Sequence[Arrival]) -> Iterator[Arrival]:
        if not letters:
            return
        of = self._inbox.keys.of
        with reaching(), self._inbox.client.pipeline(transaction=False) as pipe:
            for one in letters:
                ref = keys.ref(one.shop, one.webhook_id)
                pipe.getrange(of("record", ref), 0, 0)
                pipe.hmget(of("trouble", ref), ["state", "cause"])
            replies = pipe.execute()
        for one, record, (state, cause) in zip(letters, replies[::2], replies[1::2], strict=True):
            dead = state == b"dead" and cause in _OVER_WITH_TIME
            if dead or record in (b"", SETTLED):
                yield one
