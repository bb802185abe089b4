"""Named experiments: readings that must break something, and configurations that must hold.

``BREAKS`` is also the mutation test of the properties: a reading that found nothing would mean that
nobody looks. Each is run with the smallest configuration that shows it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.model.explore import Result, explore
from tests.model.inbox import Inbox
from tests.model.options import Options
from tests.model.state import State

ONE = {"processes": ((0,),)}  # one worker
PAIR = {"processes": ((0, 1),)}  # one process with two threads


@dataclass(frozen=True)
class Experiment:
    """``shops``: a letter per webhook (``state.Plan``). ``finds``: how the expected finding begins."""

    meaning: str
    shops: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    finds: str = ""
    livelocks: bool = False
    soak: bool = False

    def model(self) -> Inbox:
        """Shortest traces name workers, so a run that looks for one keeps them apart."""
        symmetric = {"symmetric": not self.finds and not self.livelocks}
        return Inbox(self.shops, Options(**{**symmetric, **self.options}))

    def run(self, within_s: float = 180) -> Result[State]:
        return explore(self.model(), within_s=within_s, livelocks=self.livelocks)


def _breaks(
    finds: str, meaning: str, *shops: str, livelocks: bool = False, **options: Any
) -> Experiment:
    return Experiment(meaning, shops, options, finds, livelocks)


def _holds(meaning: str, *shops: str, livelocks: bool = False, **options: Any) -> Experiment:
    return Experiment(meaning, shops, options, "", livelocks)


def _soak(meaning: str, *shops: str, livelocks: bool = False, **options: Any) -> Experiment:
    return Experiment(meaning, shops, options, "", livelocks, soak=True)


_STRANDED = "liveness: stranded"

BREAKS: dict[str, Experiment] = {
    # --- Wake-ups
    "replace-always": _breaks(
        "I6", "the tick replaces wake-ups without a look at how many stand", "o", replace="always"
    ),
    "replace-counted": _breaks(
        _STRANDED, "the tick replaces twice at most; all three are lost", "o",
        replace="counted", lost=3, **ONE,
    ),
    "replace-counted-flush": _breaks(
        _STRANDED, "the same, with DB 1 wiped once", "o", replace="counted", flush=1, **ONE
    ),
    "wake-bound": _breaks(
        "I6", "LLEN < 2 x parts bounds the sum: one partition alone may have more", "o", "o",
        partitions=2, wakeups=2,
    ),
    "mark-separate": _breaks(
        "p0 has work", "the mark is cleared in a script of its own", "oo",
        mark_cleared="separately", **ONE,
    ),
    "recovery-silent": _breaks(
        _STRANDED, "a recovery that leaves work pushes no wake-up: only the replacement helps", "oo",
        recovery_wakes=False, crash=1, batch=1, replace="off", **ONE,
    ),
    "recovery-keeps-mark": _breaks(
        _STRANDED, "a recovery that leaves no work leaves the mark: an arrival then wakes nobody",
        "oo", recovery_clears=False, crash=1, replace="off", **ONE,
    ),
    "no-adoption": _breaks(
        _STRANDED, "a current wake-up that finds BUSY just ends: only the replacement helps",
        "oo", "oo", adoption=False, duplicated=1, batch=1, replace="off",
    ),
    "recoverer-own-number": _breaks(
        _STRANDED, "a doubled wake-up recovers the drain of a newer one and goes on with its own"
        " number, so it leaves no successor: only the replacement helps",
        "o", "oo", recoverer_number="own", duplicated=1, crash=1, batch=1, replace="off",
    ),
    "older-refused-at-turns": _breaks(
        "I4", "an older number is refused at every turn, not only looked at when a drain begins and"
        " ends: a live drain loses its batch",
        "oo", "o", older_number="refused_at_turns", replace_during="any_lease",
    ),
    "older-refused-at-start": _breaks(
        "livelock", "an older number ends at once: with replacements faster than the queue no drain"
        " ever starts",
        "o", older_number="refused_at_start", fifo=True, livelocks=True, **ONE,
    ),
    "paused-turn-clears-mark": _breaks(
        "p0 has work", "a turn that finds its area paused clears the mark", "oo",
        paused_turn="clears_mark", pause_area=1, **ONE,
    ),
    "resume-silent": _breaks(
        _STRANDED, "resuming an area pushes no wake-ups: only the replacement helps", "o",
        resume="silent", pause_area=1, replace="off", **ONE,
    ),
    # --- Leases
    "expired-stolen": _breaks(
        "I1", "a turn takes an expired lease without recovering what it held", "oo",
        expired="stolen", crash=1, duplicated=1,
    ),
    "lease-ttl": _breaks(
        "I1", "the lease is a key with a TTL: what it held is forgotten with it", "o",
        lease_has_ttl=True, crash=1, **ONE,
    ),
    "no-fence": _breaks("I3", "a settle names no holder", "o", fence="none", freeze=1),
    "token-reset": _breaks(
        "I", "the token counter lives in the lease and dies with it", "oo", fence="reset", freeze=1
    ),
    "failover-counter": _breaks(
        "I2", "the token is only a counter: after a failover it is given out twice", "o", "o",
        fence="counter", failover=1,
    ),
    "failover-owner": _breaks(
        "I", "owner without turn number: after a failover it fits an older turn", "o", "o",
        fence="owner", failover=1,
    ),
    "hang-renewed": _breaks(
        _STRANDED, "a lease is renewed for as long as the handler runs", "h", "o", renewal_ends=False
    ),
    "hang-threads": _breaks(
        _STRANDED, "handlers in threads, which no time limit can end", "h", "o", **PAIR
    ),
    "gap-tick-only": _breaks(
        "I4", "after an outage a wake-up may claim an expired lease before the tick", "o",
        gap="tick_only", outage=1,
    ),
    "gap-ignored": _breaks(
        "I4", "an outage longer than a lease counts as a crash", "o", gap="ignored", outage=1
    ),
    "reply-blind": _breaks(
        "(", "a turn whose answer was lost is sent again without a number", "oo", "o",
        lost_reply="sent_blindly", reply=1, batch=1, **ONE,
    ),
    "reply-abandoned": _breaks(
        "I4: w0 (type o) dead", "a lost answer is left to the lease, which counts as a crash", "o",
        lost_reply="abandoned", reply=4, **ONE,
    ),
    # --- Shops in one place
    "first-in-line": _breaks(
        "place", "an empty line means an idle shop", "oo", arrival="first_in_line", **ONE
    ),
    "arrival-wakes-parked": _breaks(
        "place", "an arrival wakes a parked shop", "oo", arrival="wakes_parked", park=1, **ONE
    ),
    "unpark-blindly": _breaks(
        "place", "unparking a shop that a drain has leased makes it ready", "o",
        unpark_looks=False, unpark=1, **ONE,
    ),
    "replay-into-line": _breaks(
        "place", "a replayed webhook joins its line and makes its shop ready", "ro",
        replayed_goes="line", replay=1, **ONE,
    ),
    "solo-park-sets-place": _breaks(
        "place", "a solo run parks its shop while a drain has it leased", "fo",
        solo_parks="place", park=1,
    ),
    "solo-park-leaves-ready": _breaks(
        "place", "a solo run parks a ready shop and leaves it on the ready list", "fo",
        solo_parks="leaves_ready", park=1,
    ),
    "idle-by-hash": _breaks(
        "place", "idle is what is not in the partition that the receiver's own"
        " INBOX_PARTITIONS gives",
        "o", "oo", partitions=2, config=1, arrival="by_hash",
    ),
    "tick-walks-range": _breaks(
        _STRANDED, "the tick walks range(INBOX_PARTITIONS) instead of the partitions with work",
        "o", "o", partitions=2, config=1, lost=1, tick_walks="range",
    ),
    "tick-moves-shops": _breaks(
        "livelock", "each tick moves ready shops by its own INBOX_PARTITIONS", "o", "o",
        partitions=2, config=1, tick_moves_shops=True, livelocks=True, replace="off", **ONE,
    ),
    # --- Order
    "back-at-rear": _breaks(
        "order", "webhooks that a parking handler leaves go to the end of the line", "ooo",
        back="rear", park=1, **ONE,
    ),
    "order-crash": _breaks(
        "order", "order promised also to webhooks that crashed: they go solo, later ones pass", "oo",
        order="strict", crash=1, **ONE,
    ),
    "order-batch": _breaks(
        "order", "order promised also to webhooks of a batch that raised", "ofo",
        order="strict", **ONE,
    ),
    "overlap": _breaks(
        "two live workers", "one worker per shop promised also while one of its webhooks is solo",
        "foo", overlap="forbidden",
    ),
    # --- Troubled webhooks
    "crashed-into-line": _breaks(
        "I4", "webhooks of an expired lease run in batches again, each crash counted", "ox",
        crashed_goes="line", crash_counts="any", **ONE,
    ),
    "batch-of-one-counts": _breaks(
        "I4", "any batch of one counts as alone: two reboots kill an innocent", "o",
        crash_counts="batch_of_one", crash=2, **ONE,
    ),
    "first-crash-marks": _breaks(
        "I4", "the first crash makes a suspect: who shared a batch with a poison has used that up",
        "ox", crash_counts="marked", crash=2, **ONE,
    ),
    "second-crash-counts": _breaks(
        "I4", "the second crash, while solo, makes a suspect and counts at once", "ox",
        crash_counts="second", crash=2, **ONE,
    ),
    "third-crash-counts": _breaks(
        "I4", "the limit of the promise: as a lone suspect killed QUEUE_ATTEMPTS times from outside,"
        " an innocent is poison",
        "ox", crash=3, **ONE,
    ),
    "batch-charged": _breaks(
        "I4", "a batch that raises spends an attempt of each webhook in it", "of",
        batch_raises="charged", **ONE,
    ),
    "one-unspent": _breaks(
        "I4", "a batch of one that raises spends nothing, like one of several", "f",
        one_raises="unspent", **ONE,
    ),
    "superseded-always": _breaks(
        _STRANDED, "older versions end as superseded although the newest is not done", "uv",
        superseded="always", **ONE,
    ),
    "published-freely": _breaks(
        "I6", "a due solo task is published whenever it is due", "f", published="freely", **ONE
    ),
    "published-taken-out": _breaks(
        _STRANDED, "publishing takes the webhook out of the solo set; the message is lost", "f",
        published="taken_out", lost=1, **ONE,
    ),
    "busy-is-done-with": _breaks(
        _STRANDED, "a suspect's task that finds another suspect running is done with", "oo",
        busy_suspect="is_done_with", crash=2, duplicated=1,
    ),
    "suspect-among-mates": _breaks(
        "I4", "suspects one at a time in the inbox, ordinary turns beside them in their process",
        "xxxx", "o", gate="none", batch=1, partitions=2, replace="off", **PAIR,
    ),
    "gate-after-claim": _breaks(
        "I4", "threads: a suspect is claimed, then waits for its process to be empty, and counts"
        " what kills the process meanwhile",
        "xxxx", "o", gate="after_claim", batch=1, partitions=2, replace="off", **PAIR,
    ),
    "replay-keeps-counts": _breaks(
        "I4", "replay leaves the failed runs counted: the next one kills", "f",
        replay_forgets="nothing", replay=1, **ONE,
    ),
    "replay-forgets-suspicion": _breaks(
        "I4", "replay forgets that a webhook is a suspect: a poison kills one process more", "x",
        replay_forgets="suspicion", replay=1, **ONE,
    ),
    "replay-keeps-parking": _breaks(
        "I4", "replay leaves the time since which a webhook parks: its next parking kills it", "f",
        replay_forgets_parking=False, park=3, day=1, replay=1, **ONE,
    ),
    "resumed-suspects-to-solo": _breaks(
        "I1", "resuming puts suspects into the solo set: replayed, they stand in two sets", "o",
        resumed_suspects="to_solo", crash=2, pause_area=1, replay=1, **ONE,
    ),
    "dead-ttl": _breaks(
        "I1", "dead letters have a TTL: Redis drops them uncounted", "r", dead_have_ttl=True, **ONE
    ),
}  # fmt: skip

HOLDS: dict[str, Experiment] = {}
