"""What the receiver must have counted and must hold, reckoned from Shopify's side alone.

Needs the rules of the receiver's contract (DESIGN, section 4) and the answers in the ledger,
nothing of the inbox: so agreement with the inbox's accounts shows that nothing was lost.
"""

from collections import Counter
from collections.abc import Container, Mapping

import msgspec

from avnu.sandbox.delivery import REFUSED, SUSPECT, DeliveryKind
from avnu.sandbox.ledger import Attempt, Entry, Ledger, Ref
from avnu.shopify.topics import TOPICS

#: Of the same signed bytes for one shop and topic the receiver keeps this many.
MOST_SEEN = 10

#: Answers that refuse for good; the receiver counts them ``rejected``.
REJECTIONS = frozenset({400, 401, 408, 413})

#: The receiver's outcomes, as its counters name them.
OUTCOMES = ("accepted", "duplicate", "replayed", "rejected", "ignored", "unavailable")


class Expected(msgspec.Struct, frozen=True):
    """By how much the receiver's counters must have grown.

    Exact as long as ``doubtful`` is 0. An attempt without an answer, or answered 503 because
    the inbox was too slow, may have been kept all the same; its repetition is then a duplicate.
    """

    sent: int  # attempts, answered or not
    accepted: int  # suspected replays included
    duplicate: int
    replayed: int
    rejected: int
    ignored: int
    unavailable: int
    suspected: int  # those of accepted that are dead letters `suspected_replay`
    unreached: int  # no connection, so the receiver knows nothing of it
    unanswered: int  # a connection, and no HTTP answer
    unexpected: int  # answers that are in no row of the contract

    @property
    def doubtful(self) -> int:
        """Attempts whose effect cannot be known from this side."""
        return self.unanswered + self.unavailable


class Reckoning:
    """The ledger read by the receiver's rules."""

    def __init__(self, ledger: Ledger, routed: Container[str] = TOPICS) -> None:
        self._routed = routed
        self._entries = list(ledger.entries.values())
        self._counted: Counter[str] = Counter()
        self._kept: set[Ref] = set()
        self._suspected: set[Ref] = set()
        self._not_kept: set[Ref] = set()
        self._copies_seen: dict[int, int] = {}  # of a replay's original
        self._original = _originals(ledger)
        self.faults: list[str] = []  # answers that the contract forbids, one line each
        for entry in self._entries:
            for attempt in entry.attempts:
                self._read(entry, attempt)
        self._not_kept |= {entry.ref for entry in self._entries if not entry.attempts}

    def expected(self) -> Expected:
        """The counters."""
        return Expected(**{name: self._counted[name] for name in Expected.__struct_fields__})

    def kept(self) -> frozenset[Ref]:
        """Acknowledged and followed: each must be in the inbox, settled, on its way or dead."""
        return frozenset(self._kept)

    def suspected(self) -> frozenset[Ref]:
        """Must be in the inbox as dead letters `suspected_replay`."""
        return frozenset(self._suspected)

    def not_kept(self) -> frozenset[Ref]:
        """Must not be in the inbox: refused, replayed too often, ignored or never sent."""
        return frozenset(self._not_kept - self._kept - self._suspected - self.undecided())

    def undecided(self) -> frozenset[Ref]:
        """Never acknowledged, and yet perhaps in the inbox: an attempt's effect is unknown."""
        refs = {entry.ref for entry in self._entries if any(map(_doubtful, entry.attempts))}
        return frozenset(refs - self._kept - self._suspected)

    def disagreements(self, counted: Mapping[str, int]) -> list[str]:
        """Where the receiver's counters (their growth, by outcome) contradict this side."""
        expected = self.expected()
        lines = []
        for name in OUTCOMES:
            least, seen = getattr(expected, name), counted.get(name, 0)
            if not least <= seen <= least + expected.doubtful:
                most = f" to {least + expected.doubtful}" if expected.doubtful else ""
                lines.append(f"{name}: the receiver counted {seen}, it must be {least}{most}")
        return lines

    def _read(self, entry: Entry, attempt: Attempt) -> None:
        self._counted["sent"] += 1
        status, kind = attempt.answer.status, entry.delivery.kind
        if status == 0:
            reached = attempt.answer.reached
            self._counted["unanswered" if reached else "unreached"] += 1
        elif status == 503:
            self._counted["unavailable"] += 1
        elif status in REJECTIONS:
            self._counted["rejected"] += 1
            if kind in REFUSED:
                self._not_kept.add(entry.ref)
            else:
                self._fault(entry, status)
        elif attempt.acknowledged and kind not in REFUSED:
            self._count(self._outcome(entry), entry.ref)
        else:
            self._counted["unexpected"] += 1
            self._fault(entry, status)

    def _outcome(self, entry: Entry) -> str:
        """What a 2xx means, in the receiver's order of looking."""
        delivery = entry.delivery
        if delivery.topic not in self._routed:
            return "ignored"
        if entry.ref in self._kept or entry.ref in self._suspected:
            return "duplicate"
        if delivery.kind in SUSPECT:
            return "suspected"
        if delivery.kind is DeliveryKind.REPLAYED_ID:
            original = self._original[delivery.number]
            seen = self._copies_seen.get(original, 1) + 1
            self._copies_seen[original] = seen
            return "accepted" if seen <= MOST_SEEN else "replayed"
        return "accepted"

    def _count(self, outcome: str, ref: Ref) -> None:
        self._counted[outcome] += 1
        match outcome:
            case "accepted":
                self._kept.add(ref)
            case "suspected":
                self._counted["accepted"] += 1
                self._suspected.add(ref)
            case "ignored" | "replayed":
                self._not_kept.add(ref)

    def _fault(self, entry: Entry, status: int) -> None:
        delivery = entry.delivery
        self.faults.append(
            f"{delivery.kind} {delivery.topic} {delivery.webhook_id} of {delivery.shop}"
            f" was answered {status}"
        )


def _originals(ledger: Ledger) -> dict[int, int]:
    """For each delivery that follows another: the number at which its chain begins."""
    follows = {
        number: entry.delivery.after
        for number, entry in ledger.entries.items()
        if entry.delivery.after is not None
    }

    def first(number: int) -> int:
        while number in follows:
            number = follows[number]
        return number

    return {number: first(number) for number in follows}


def _doubtful(attempt: Attempt) -> bool:
    return attempt.answer.reached and attempt.answer.status in (0, 503)
