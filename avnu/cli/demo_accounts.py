"""The demo's accounts: what the sandbox has in its ledger against what the inbox holds.

The ledger knows nothing of the inbox, and the inbox nothing of the ledger; whatever only one side
knows, or both tell differently, is a fault.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from sys import maxsize

import msgspec

from avnu.cli.demo_calls import ApiCalls
from avnu.inbox import Inbox
from avnu.inbox.audit import Audit, audit
from avnu.inbox.overview import Overview, overview
from avnu.inbox.queries import Found, find
from avnu.sandbox import Ledger, Reckoning
from avnu.sandbox.differences import Difference

Ref = tuple[str, str]

_SETTLED = frozenset({"done", "superseded"})
# Did not end well, for good reason; the rest must have ended.
_MAY_REMAIN = frozenset({"dead"})
_NAMED = 5
# Areas whose webhooks speak of a resource that could be asked for.
_FOLLOWED = frozenset({"products", "inventory", "orders"})


class Accounts(msgspec.Struct, frozen=True):
    """The totals, in the order of the last line, and every disagreement between the two sides.

    ``asides`` are of the table alone: what the totals are made of, with a few words on each.
    """

    totals: dict[str, int]
    asides: list[tuple[str, int, str]]
    faults: list[str]

    def line(self) -> str:
        """The last line: names and order are fixed, later ones are appended."""
        return " ".join(f"{name}={number}" for name, number in self.totals.items())

    def table(self) -> list[tuple[str, int, str]]:
        """The same for people, with a few words on each."""
        rows = [(name, number, _WORDS[name]) for name, number in self.totals.items()]
        return [*rows, *self.asides]


_WORDS = {
    "sent": "requests made by the sandbox, retries included",
    "accepted": "kept, suspected replays included",
    "duplicates": "known by shop and webhook id, answered 200",
    "replayed": "the same signed bytes too often, answered 200",
    "rejected": "not signed by Shopify, or too large",
    "ignored": "of topics that nobody follows, answered 200",
    "unavailable": "answered 503",
    "settled": "done, or superseded by a newer one",
    "retried": "failed runs that were tried again",
    "dead": "dead letters, here suspected replays",
    "lost": "acknowledged, and not to be found",
    "api_calls": "calls of the Admin API, as the sandbox counted them",
    "api_saved": "calls that were not needed, see below",
    "throttled": "calls that found the shop's bucket empty",
    "differences": "between the copy in the database and the shops",
}


class Held(msgspec.Struct, frozen=True):
    """What the inbox held when all that Shopify sends was settled, or dead."""

    found: dict[Ref, Found]
    state: Overview


def held_by(inbox: Inbox) -> Held:
    """Now. Raises InboxUnavailable."""
    found = {(one.shop, one.webhook_id): one for one in find(inbox, limit=maxsize)}
    return Held(found, overview(inbox))


def reconcile(
    ledger: Ledger,
    inbox: Inbox,
    held: Held,
    *,
    calls: ApiCalls,
    in_hand: int,
    different: Sequence[Difference],
) -> Accounts:
    """Compare the two sides of a demo whose programs have ended. Raises InboxUnavailable.

    ``held`` is from before the reconciliation, which puts in what Shopify never sent.
    """
    reckoning = Reckoning(ledger)
    found, state, end = held.found, held.state, overview(inbox)
    lost = [ref for ref in reckoning.kept() | reckoning.suspected() if ref not in found]
    lost += [entry.ref for entry in ledger.given_up()]
    found_by_auditor = audit(inbox)
    saved = _saved(calls, end, found_by_auditor)
    totals = _totals(reckoning, state, found, len(lost)) | {
        "api_calls": calls.calls,
        "api_saved": sum(number for _, number, _ in saved),
        "throttled": calls.throttled,
        "differences": len(different),
    }
    faults = [
        *_named("lost", lost),
        *reckoning.faults,
        *reckoning.disagreements(state.received),
        *_received(reckoning, state),
        *_strangers(reckoning, found),
        *_ends(reckoning, found),
        *_counted(totals, state),
        *calls.faults(),
        *(f"auditor: {fault}" for fault in found_by_auditor.faults),
        *(f"the copy: {one}" for one in different[:_NAMED]),
    ]
    asides = [
        *saved,
        ("points", calls.points, "of API budget spent on the calls"),
        ("never came", sum(end.missed.values()), "changes that reconciliation found"),
        ("in hand", in_hand, "webhooks of the worker when it was killed"),
    ]
    return Accounts(totals, asides, faults)


def _totals(
    reckoning: Reckoning, state: Overview, found: Mapping[Ref, Found], lost: int
) -> dict[str, int]:
    """Received by the receiver's counters; settled and dead by what is there."""
    places = Counter(one.state for one in found.values())
    received = state.received
    return {
        "sent": reckoning.expected().sent,
        "accepted": received["accepted"],
        "duplicates": received["duplicate"],
        "replayed": received["replayed"],
        "rejected": received["rejected"],
        "ignored": received["ignored"],
        "unavailable": received["unavailable"],
        "settled": sum(places[state] for state in _SETTLED),
        "retried": sum(area.retries for area in state.areas),
        "dead": places["dead"],
        "lost": lost,
    }


def _saved(calls: ApiCalls, state: Overview, audited: Audit) -> list[tuple[str, int, str]]:
    """By what calls were saved, against one for each look-up and one for each webhook's resource.

    ``asked`` is counted by the handlers: the resources that they read, or confirmed as gone.
    """
    followed = [area for area in state.areas if area.area in _FOLLOWED]
    asked = sum(n for name, n in audited.counts.items() if name.startswith("asked:"))
    told = sum(area.done for area in followed) - asked
    return [
        ("  told", max(0, told), "webhooks whose own payload told enough"),
        ("  coalesced", sum(area.superseded for area in followed), "for which a newer one stood"),
        ("  batched", max(0, calls.loaded + asked - calls.calls), "that shared a call with others"),
        ("  cached", calls.cached, "look-ups answered from the cache"),
    ]


def _received(reckoning: Reckoning, state: Overview) -> Iterator[str]:
    """Every request that was answered was counted, once, whatever the answer was."""
    expected, counted = reckoning.expected(), sum(state.received.values())
    answered = expected.sent - expected.unanswered
    if not answered <= counted <= expected.sent:
        yield f"the receiver counted {counted} requests, the sandbox had {answered} answers"


def _strangers(reckoning: Reckoning, found: Mapping[Ref, Found]) -> Iterator[str]:
    """Nothing is in the inbox that the sandbox did not see acknowledged."""
    known = reckoning.kept() | reckoning.suspected() | reckoning.undecided()
    refused = reckoning.not_kept()
    yield from _named("kept, though it was refused", [ref for ref in found if ref in refused])
    strange = [ref for ref in found if ref not in known and ref not in refused]
    yield from _named("in the inbox, and never sent", strange)


def _ends(reckoning: Reckoning, found: Mapping[Ref, Found]) -> Iterator[str]:
    """Everything ended as it must: settled, or dead for the cause that the sandbox intended."""
    open_ = [ref for ref, one in found.items() if one.state not in _SETTLED | _MAY_REMAIN]
    yield from _named("not settled", open_)
    suspects = [ref for ref, one in found.items() if one.cause == "suspected_replay"]
    meant = reckoning.suspected()
    yield from _named("suspected, and genuine", [ref for ref in suspects if ref not in meant])
    missed = [ref for ref in meant if ref in found and found[ref].cause != "suspected_replay"]
    yield from _named("a replay that was not suspected", missed)
    others = [ref for ref, one in found.items() if one.state == "dead" and ref not in meant]
    yield from _named("dead, and nothing was wrong with it", others)


def _counted(totals: Mapping[str, int], state: Overview) -> Iterator[str]:
    """The counters of the scripts agree with what stands in the inbox."""
    settled = sum(area.done + area.superseded for area in state.areas)
    if settled != totals["settled"]:
        yield f"settled by the counters: {settled}, by what is there: {totals['settled']}"
    remains = sum(area.backlog for area in state.areas)
    if totals["accepted"] != totals["settled"] + totals["dead"] + remains:
        yield f"accepted is not settled + dead + {remains} open"


def _named(what: str, refs: list[Ref]) -> Iterator[str]:
    """One line for all of them, the first few by name."""
    if refs:
        names = ", ".join("/".join(ref) for ref in sorted(refs)[:_NAMED])
        yield f"{what}: {len(refs)} ({names}{' …' if len(refs) > _NAMED else ''})"
