"""Named experiments: readings that must break something, and configurations that must hold.

``BREAKS`` is also the mutation test of the properties: a reading that found nothing would mean that
nobody looks. Each is run with the smallest configuration that shows it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.model.explore import Result, explore
from tests.model.inbox import Inbox
from tests.model.options import Options
from tests.model.state import State

ONE = {"processes": ((0,),)}  # one worker
PAIR = {"processes": ((0, 1),)}  # one process with two threads


@dataclass(frozen=True)
class Experiment:
    """``shops``: a letter per webhook (``state.Plan``). ``finds``: how the expected finding begins.

    ``reading`` is what is changed against the scripts and promises as they are: without it the same
    configuration must hold.
    """

    meaning: str
    shops: tuple[str, ...]
    options: Mapping[str, Any]
    reading: Mapping[str, Any] = field(default_factory=dict)
    finds: str = ""
    livelocks: bool = False
    soak: bool = False

    def model(self) -> Inbox:
        """Traces name workers, and actions that wait for their turn do: those keep them apart."""
        symmetric = {"symmetric": not self.finds and not self.livelocks}
        return Inbox(self.shops, Options(**{**symmetric, **self.options, **self.reading}))

    def run(self, within_s: float = 180) -> Result[State]:
        return explore(self.model(), within_s=within_s, livelocks=self.livelocks)

    def as_built(self) -> "Experiment":
        """The same configuration, read as it is built."""
        return replace(self, reading={}, finds="")


def _breaks(
    finds: str, meaning: str, *shops: str, soak: bool = False, reading: Mapping[str, Any],
    livelocks: bool = False, **options: Any,
) -> Experiment:  # fmt: skip
    return Experiment(meaning, shops, options, reading, finds, livelocks, soak)


def _holds(meaning: str, *shops: str, livelocks: bool = False, **options: Any) -> Experiment:
    return Experiment(meaning, shops, options, livelocks=livelocks)


def _soak(meaning: str, *shops: str, livelocks: bool = False, **options: Any) -> Experiment:
    return Experiment(meaning, shops, options, livelocks=livelocks, soak=True)


_STRANDED = "liveness: stranded"


def _read(**reading: Any) -> dict[str, Any]:
    return reading


BREAKS: dict[str, Experiment] = {
    # --- Wake-ups
    "replace-always": _breaks(
        "I6", "the tick replaces wake-ups without a look at how many stand", "o",
        reading=_read(replace="always"),
    ),
    "replace-counted": _breaks(
        _STRANDED, "the tick replaces twice at most; all three are lost", "o",
        reading=_read(replace="counted"), lost=3, **ONE,
    ),
    "replace-counted-flush": _breaks(
        _STRANDED, "the same, with DB 1 wiped once", "o",
        reading=_read(replace="counted"), flush=1, **ONE,
    ),
    "wake-bound": _breaks(
        "I6", "LLEN < 2 x parts bounds the sum: one partition alone may have more", "o", "o",
        reading=_read(wakeups=2), partitions=2,
    ),
    "mark-separate": _breaks(
        "p0 has work", "the mark is cleared in a script of its own", "oo",
        reading=_read(mark_cleared="separately"), **ONE,
    ),
    "recovery-silent": _breaks(
        _STRANDED, "a recovery that leaves work pushes no wake-up: only the replacement helps",
        "xo", reading=_read(recovery_wakes=False), batch=1, replace="off", **ONE,
    ),
    "recovery-keeps-mark": _breaks(
        _STRANDED, "a recovery that leaves no work leaves the mark: an arrival then wakes nobody",
        "xo", reading=_read(recovery_clears=False), replace="off", **ONE,
    ),
    "no-adoption": _breaks(
        _STRANDED, "a current wake-up that finds BUSY just ends: only the replacement helps",
        "oo", "oo", reading=_read(adoption=False), duplicated=1, batch=1, replace="off",
    ),
    "recoverer-own-number": _breaks(
        _STRANDED, "a doubled wake-up recovers the drain of a newer one and goes on with its own"
        " number, so it leaves no successor: only the replacement helps",
        "oxoo", reading=_read(recoverer_number="own"), duplicated=1, batch=1, replace="off",
    ),
    "older-refused-at-turns": _breaks(
        "I4", "an older number is refused at every turn, not only looked at when a drain begins and"
        " ends: a live drain loses its batch",
        "oo", "o", reading=_read(older_number="refused_at_turns"), replace_during="any_lease",
    ),
    "older-refused-at-start": _breaks(
        "livelock", "an older number ends at once: with replacements faster than the queue no drain"
        " ever starts",
        "o", reading=_read(older_number="refused_at_start"), fifo=True, livelocks=True, **ONE,
    ),
    "paused-turn-clears-mark": _breaks(
        "p0 has work", "a turn that finds its area paused clears the mark", "oo",
        reading=_read(paused_turn="clears_mark"), pause_area=1, **ONE,
    ),
    "resume-silent": _breaks(
        _STRANDED, "resuming an area pushes no wake-ups: only the replacement helps", "o",
        reading=_read(resume="silent"), pause_area=1, replace="off", **ONE,
    ),
    # --- Leases
    "expired-stolen": _breaks(
        "I1", "a turn takes an expired lease without recovering what it held", "oo",
        reading=_read(expired="stolen"), crash=1, duplicated=1,
    ),
    "lease-ttl": _breaks(
        "I1", "the lease is a key with a TTL: what it held is forgotten with it", "o",
        reading=_read(lease_has_ttl=True), crash=1, **ONE,
    ),
    "no-fence": _breaks(
        "I3", "a settle names no holder", "o", reading=_read(fence="none"), freeze=1
    ),
    "token-reset": _breaks(
        "I", "the token counter lives in the lease and dies with it", "oo",
        reading=_read(fence="reset"), freeze=1,
    ),
    "failover-counter": _breaks(
        "I2", "the token is only a counter: after a failover it is given out twice", "o", "o",
        reading=_read(fence="counter"), failover=1,
    ),
    "failover-owner": _breaks(
        "I", "owner without turn number: after a failover it fits an older turn", "o", "o",
        reading=_read(fence="owner"), failover=1, turn_shops=1,
    ),
    "hang-renewed": _breaks(
        _STRANDED, "a lease is renewed for as long as the handler runs", "h", "o",
        reading=_read(renewal_ends=False),
    ),
    "hang-threads": _breaks(
        _STRANDED, "handlers in threads, which no time limit can end", "h", "o", reading=_read(**PAIR)
    ),
    "gap-tick-only": _breaks(
        "I4", "after an outage a wake-up may claim an expired lease before the tick", "o",
        reading=_read(gap="tick_only"), outage=1,
    ),
    "gap-ignored": _breaks(
        "I4", "an outage longer than a lease counts as a crash", "o",
        reading=_read(gap="ignored"), outage=1,
    ),
    "reply-blind": _breaks(
        "(", "a turn whose answer was lost is sent again without a number", "oo", "o",
        reading=_read(lost_reply="sent_blindly"), reply=1, batch=1, **ONE,
    ),
    "reply-abandoned": _breaks(
        "I4: w0 (type o) dead", "a lost answer is left to the lease, which counts as a crash", "o",
        reading=_read(lost_reply="abandoned"), reply=4, **ONE,
    ),
    # --- Shops in one place
    "first-in-line": _breaks(
        "place", "an empty line means an idle shop", "oo",
        reading=_read(arrival="first_in_line"), **ONE,
    ),
    "arrival-wakes-parked": _breaks(
        "place", "an arrival wakes a parked shop", "oo",
        reading=_read(arrival="wakes_parked"), park=1, **ONE,
    ),
    "unpark-blindly": _breaks(
        "place", "unparking a shop that a drain has leased makes it ready", "o",
        reading=_read(unpark_looks=False), unpark=1, **ONE,
    ),
    "replay-into-line": _breaks(
        "place", "a replayed webhook joins its line and makes its shop ready", "ro",
        reading=_read(replayed_goes="line"), replay=1, **ONE,
    ),
    "solo-park-sets-place": _breaks(
        "place", "a solo run parks its shop while a drain has it leased", "fo",
        reading=_read(solo_parks="place"), park=1,
    ),
    "solo-park-leaves-ready": _breaks(
        "place", "a solo run parks a ready shop and leaves it on the ready list", "fo",
        reading=_read(solo_parks="leaves_ready"), park=1,
    ),
    "idle-by-hash": _breaks(
        "place", "idle is what is not in the partition that the receiver's own INBOX_PARTITIONS"
        " gives",
        "o", "oo", reading=_read(arrival="by_hash"), partitions=2, config=1,
    ),
    "tick-walks-range": _breaks(
        _STRANDED, "the tick walks range(INBOX_PARTITIONS) instead of the partitions with work",
        "o", "o", reading=_read(tick_walks="range"), partitions=2, config=1, lost=1,
    ),
    "tick-moves-shops": _breaks(
        "I6", "each tick moves ready shops by its own INBOX_PARTITIONS: for ever, a wake-up each",
        "o", "o", reading=_read(tick_moves_shops=True), partitions=2, config=1, **ONE,
    ),
    # --- Order
    "back-at-rear": _breaks(
        "order", "webhooks that a parking handler leaves go to the end of the line", "ooo",
        reading=_read(back="rear"), park=1, **ONE,
    ),
    "order-crash": _breaks(
        "order", "order promised also to webhooks that crashed: they go solo, later ones pass",
        "oo", reading=_read(order="strict"), crash=1, **ONE,
    ),
    "order-batch": _breaks(
        "order", "order promised also to webhooks of a batch that raised", "ofo",
        reading=_read(order="strict"), **ONE,
    ),
    "overlap": _breaks(
        "two live workers", "one worker per shop promised also while one of its webhooks is solo",
        "foo", reading=_read(overlap="forbidden"),
    ),
    # --- Troubled webhooks
    "crashed-into-line": _breaks(
        "I4", "webhooks of an expired lease run in batches again, each crash counted", "ox",
        reading=_read(crashed_goes="line", crash_counts="any"), **ONE,
    ),
    "batch-of-one-counts": _breaks(
        "I4", "any batch of one counts as alone: two reboots kill an innocent", "o",
        reading=_read(crash_counts="batch_of_one"), crash=2, **ONE,
    ),
    "first-crash-marks": _breaks(
        "I4", "the first crash makes a suspect: who shared a batch with a poison has used that up",
        "ox", reading=_read(crash_counts="marked"), crash=2, **ONE,
    ),
    "second-crash-counts": _breaks(
        "I4", "the second crash, while solo, makes a suspect and counts at once", "ox",
        reading=_read(crash_counts="second"), crash=2, **ONE,
    ),
    "third-crash-counts": _breaks(
        "I4", "the limit of the promise: an innocent suspect, killed from outside QUEUE_ATTEMPTS"
        " times while it ran alone, is poison",
        "ox", reading=_read(crash=3), **ONE,
    ),
    "batch-charged": _breaks(
        "I4", "a batch that raises spends an attempt of each webhook in it", "of",
        reading=_read(batch_raises="charged"), attempts=1, **ONE,
    ),
    "one-unspent": _breaks(
        "I4", "a batch of one that raises spends nothing, like one of several", "f",
        reading=_read(one_raises="unspent"), **ONE,
    ),
    "superseded-always": _breaks(
        _STRANDED, "older versions end as superseded although the newest is not done", "uv",
        reading=_read(superseded="always"), **ONE,
    ),
    "published-freely": _breaks(
        "I6", "a due solo task is published whenever it is due", "f",
        reading=_read(published="freely"), **ONE,
    ),
    "published-taken-out": _breaks(
        _STRANDED, "publishing takes the webhook out of the solo set; the message is lost", "f",
        reading=_read(published="taken_out"), lost=1, **ONE,
    ),
    "busy-is-done-with": _breaks(
        _STRANDED, "a suspect's task that finds another suspect running is done with", "ox",
        reading=_read(busy_suspect="is_done_with"), crash=1,
    ),
    "suspect-among-mates": _breaks(
        "I4", "suspects one at a time in the inbox, ordinary turns beside them in their process",
        "xxx", "o", soak=True, reading=_read(gate="none"), attempts=1, batch=1, partitions=2, **PAIR,
    ),
    "gate-after-claim": _breaks(
        "I4", "a suspect is claimed, then waits for its process to be empty, and counts what kills"
        " the process meanwhile",
        "xxx", "o", soak=True, reading=_read(gate="after_claim"), attempts=1, batch=1, partitions=2,
        **PAIR,
    ),
    "replay-keeps-counts": _breaks(
        "I4", "replay leaves the failed runs counted: the next one kills", "f",
        reading=_read(replay_forgets="nothing"), replay=1, **ONE,
    ),
    "replay-forgets-suspicion": _breaks(
        "I4", "replay forgets that a webhook is a suspect: a poison kills one process more", "x",
        reading=_read(replay_forgets="suspicion"), replay=1, **ONE,
    ),
    "replay-keeps-parking": _breaks(
        "I4", "replay leaves how long a webhook has parked: its next parking kills it", "f",
        reading=_read(replay_forgets_parking=False), park=3, day=1, replay=1, **ONE,
    ),
    "made-due-adds": _breaks(
        "I1", "a webhook that waits, made due by hand, joins the solo set and leaves no other", "f",
        reading=_read(made_due="adds"), pause_shop=1, replay=1, **ONE,
    ),
    "dead-ttl": _breaks(
        "I1", "dead letters have a TTL: Redis drops them uncounted", "r",
        reading=_read(dead_have_ttl=True), **ONE,
    ),
}  # fmt: skip

HOLDS: dict[str, Experiment] = {}
