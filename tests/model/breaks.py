"""Readings that must break something, each with the smallest configuration that shows it.

They are also the mutation test of the properties: a reading that finds nothing would mean that
nobody looks.
"""

from tests.model.experiment import ONE, PAIR, STRANDED, Experiment, breaks, read

BREAKS: dict[str, Experiment] = {
    # --- Wake-ups
    "replace-always": breaks(
        "I6", "the tick replaces wake-ups without a look at how many stand", "o",
        reading=read(replace="always"),
    ),
    "replace-counted": breaks(
        STRANDED, "the tick replaces twice at most; all three are lost", "o",
        reading=read(replace="counted"), lost=3, **ONE,
    ),
    "replace-counted-flush": breaks(
        STRANDED, "the same, with DB 1 wiped once", "o",
        reading=read(replace="counted"), flush=1, **ONE,
    ),
    "wake-bound": breaks(
        "I6", "LLEN < 2 x parts bounds the sum: one partition alone may have more", "o", "o",
        reading=read(wakeups=2), partitions=2,
    ),
    "mark-separate": breaks(
        "p0 has work", "the mark is cleared in a script of its own", "oo",
        reading=read(mark_cleared="separately"), **ONE,
    ),
    "recovery-silent": breaks(
        STRANDED, "a recovery that leaves work pushes no wake-up: only the replacement helps",
        "xo", reading=read(recovery_wakes=False), batch=1, replace="off", **ONE,
    ),
    "recovery-keeps-mark": breaks(
        STRANDED, "a recovery that leaves no work leaves the mark: an arrival then wakes nobody",
        "xo", reading=read(recovery_clears=False), replace="off", **ONE,
    ),
    "no-adoption": breaks(
        STRANDED, "a current wake-up that finds BUSY just ends: only the replacement helps",
        "oo", "oo", reading=read(adoption=False), duplicated=1, batch=1, replace="off",
    ),
    "recoverer-own-number": breaks(
        STRANDED, "a doubled wake-up recovers the drain of a newer one and goes on with its own"
        " number, so it leaves no successor: only the replacement helps",
        "oxoo", reading=read(recoverer_number="own"), duplicated=1, batch=1, replace="off",
    ),
    "older-refused-at-turns": breaks(
        "I4", "an older number is refused at every turn, not only looked at when a drain begins and"
        " ends: a live drain loses its batch",
        "oo", "o", reading=read(older_number="refused_at_turns"), replace_during="any_lease",
    ),
    "older-refused-at-start": breaks(
        "livelock", "an older number ends at once: with replacements faster than the queue no drain"
        " ever starts",
        "o", reading=read(older_number="refused_at_start"), fifo=True, livelocks=True, **ONE,
    ),
    "paused-turn-clears-mark": breaks(
        "p0 has work", "a turn that finds its area paused clears the mark", "oo",
        reading=read(paused_turn="clears_mark"), pause_area=1, **ONE,
    ),
    "resume-silent": breaks(
        STRANDED, "resuming an area pushes no wake-ups: only the replacement helps", "o",
        reading=read(resume="silent"), pause_area=1, replace="off", **ONE,
    ),
    # --- Leases
    "expired-stolen": breaks(
        "I1", "a turn takes an expired lease without recovering what it held", "oo",
        reading=read(expired="stolen"), crash=1, duplicated=1,
    ),
    "lease-ttl": breaks(
        "I1", "the lease is a key with a TTL: what it held is forgotten with it", "o",
        reading=read(lease_has_ttl=True), crash=1, **ONE,
    ),
    "no-fence": breaks(
        "I3", "a settle names no holder", "o", reading=read(fence="none"), freeze=1
    ),
    "token-reset": breaks(
        "I", "the token counter lives in the lease and dies with it", "oo",
        reading=read(fence="reset"), freeze=1,
    ),
    "failover-counter": breaks(
        "I2", "the token is only a counter: after a failover it is given out twice", "o", "o",
        slow_control=True, reading=read(fence="counter"), failover=1,
    ),
    "failover-owner": breaks(
        "I", "owner without turn number: after a failover it fits an older turn", "o", "o",
        slow_control=True, reading=read(fence="owner"), failover=1, turn_shops=1,
    ),
    "hang-renewed": breaks(
        STRANDED, "a lease is renewed for as long as the handler runs", "h", "o",
        slow_control=True, reading=read(renewal_ends=False),
    ),
    "hang-threads": breaks(
        STRANDED, "handlers in threads, which no time limit can end", "h", "o",
        slow_control=True, reading=read(**PAIR),
    ),
    "gap-tick-only": breaks(
        "I4", "after an outage a wake-up may claim an expired lease before the tick", "o",
        reading=read(gap="tick_only"), outage=1,
    ),
    "gap-ignored": breaks(
        "I4", "an outage longer than a lease counts as a crash", "o",
        reading=read(gap="ignored"), outage=1,
    ),
    "reply-blind": breaks(
        "(", "a turn whose answer was lost is sent again without a number", "oo", "o",
        reading=read(lost_reply="sent_blindly"), reply=1, batch=1, **ONE,
    ),
    "reply-abandoned": breaks(
        "I4: w0 (type o) dead", "a lost answer is left to the lease, which counts as a crash", "o",
        reading=read(lost_reply="abandoned"), reply=4, **ONE,
    ),
    # --- Shops in one place
    "first-in-line": breaks(
        "place", "an empty line means an idle shop", "oo",
        reading=read(arrival="first_in_line"), **ONE,
    ),
    "arrival-wakes-parked": breaks(
        "place", "an arrival wakes a parked shop", "oo",
        reading=read(arrival="wakes_parked"), park=1, **ONE,
    ),
    "unpark-blindly": breaks(
        "place", "unparking a shop that a drain has leased makes it ready", "o",
        reading=read(unpark_looks=False), unpark=1, **ONE,
    ),
    "replay-into-line": breaks(
        "place", "a replayed webhook joins its line and makes its shop ready", "ro",
        reading=read(replayed_goes="line"), replay=1, **ONE,
    ),
    "solo-park-sets-place": breaks(
        "place", "a solo run parks its shop while a drain has it leased", "fo",
        reading=read(solo_parks="place"), park=1,
    ),
    "solo-park-leaves-ready": breaks(
        "place", "a solo run parks a ready shop and leaves it on the ready list", "fo",
        reading=read(solo_parks="leaves_ready"), park=1,
    ),
    "idle-by-hash": breaks(
        "place", "idle is what is not in the partition that the receiver's own INBOX_PARTITIONS"
        " gives",
        "o", "oo", slow_control=True, reading=read(arrival="by_hash"), partitions=2, config=1,
    ),
    "tick-walks-range": breaks(
        STRANDED, "the tick walks range(INBOX_PARTITIONS) instead of the partitions with work",
        "o", "o", slow_control=True, reading=read(tick_walks="range"), partitions=2, config=1,
        lost=1,
    ),
    "tick-moves-shops": breaks(
        "I6", "each tick moves ready shops by its own INBOX_PARTITIONS: for ever, a wake-up each",
        "o", "o", reading=read(tick_moves_shops=True), partitions=2, config=1, **ONE,
    ),
    # --- Order
    "back-at-rear": breaks(
        "order", "webhooks that a parking handler leaves go to the end of the line", "ooo",
        reading=read(back="rear"), park=1, **ONE,
    ),
    "held-at-rear": breaks(
        "order", "webhooks of a resumed topic return to the end of their line", "oo",
        reading=read(held_go="rear"), pause_topic=1, batch=1, **ONE,
    ),
    "released-by-tick": breaks(
        "order", "webhooks of a resumed topic return later: new ones pass them", "oo",
        reading=read(release="by_tick"), pause_topic=1, **ONE,
    ),
    "order-crash": breaks(
        "order", "order promised also to webhooks that crashed: they go solo, later ones pass",
        "oo", reading=read(order="strict"), crash=1, **ONE,
    ),
    "order-batch": breaks(
        "order", "order promised also to webhooks of a batch that raised", "ofo",
        reading=read(order="strict"), **ONE,
    ),
    "overlap": breaks(
        "two live workers", "one worker per shop promised also while one of its webhooks is solo",
        "foo", reading=read(overlap="forbidden"),
    ),
    # --- Troubled webhooks
    "crashed-into-line": breaks(
        "I4", "webhooks of an expired lease run in batches again, each crash counted", "ox",
        reading=read(crashed_goes="line", crash_counts="any"), **ONE,
    ),
    "batch-of-one-counts": breaks(
        "I4", "any batch of one counts as alone: two reboots kill an innocent", "o",
        reading=read(crash_counts="batch_of_one"), crash=2, **ONE,
    ),
    "first-crash-marks": breaks(
        "I4", "the first crash makes a suspect: who shared a batch with a poison has used that up",
        "ox", reading=read(crash_counts="marked"), crash=2, **ONE,
    ),
    "second-crash-counts": breaks(
        "I4", "the second crash, while solo, makes a suspect and counts at once", "ox",
        reading=read(crash_counts="second"), crash=2, **ONE,
    ),
    "third-crash-counts": breaks(
        "I4", "the limit of the promise: an innocent suspect, killed from outside QUEUE_ATTEMPTS"
        " times while it ran alone, is poison",
        "ox", reading=read(crash=3), **ONE,
    ),
    "batch-charged": breaks(
        "I4", "a batch that raises spends an attempt of each webhook in it", "of",
        reading=read(batch_raises="charged"), attempts=1, **ONE,
    ),
    "one-unspent": breaks(
        "I4", "a batch of one that raises spends nothing, like one of several", "f",
        reading=read(one_raises="unspent"), **ONE,
    ),
    "superseded-always": breaks(
        STRANDED, "older versions end as superseded although the newest is not done", "uv",
        reading=read(superseded="always"), **ONE,
    ),
    "published-freely": breaks(
        "I6", "a due solo task is published whenever it is due", "f",
        reading=read(published="freely"), **ONE,
    ),
    "published-taken-out": breaks(
        STRANDED, "publishing takes the webhook out of the solo set; the message is lost", "f",
        reading=read(published="taken_out"), lost=1, **ONE,
    ),
    "busy-is-done-with": breaks(
        STRANDED, "a suspect's task that finds another suspect running is done with", "ox",
        reading=read(busy_suspect="is_done_with"), crash=1,
    ),
    "suspect-among-mates": breaks(
        "I4", "suspects one at a time in the inbox, ordinary turns beside them in their process",
        "xx", "o", soak=True, reading=read(gate="none"), attempts=1, batch=1,
        **PAIR,
    ),
    "gate-after-claim": breaks(
        "I4", "a suspect is claimed, then waits for its process to be empty, and counts what kills"
        " the process meanwhile",
        "xx", "o", soak=True, reading=read(gate="after_claim"), attempts=1, batch=1,
        **PAIR,
    ),
    "replay-keeps-counts": breaks(
        "I4", "replay leaves the failed runs counted: the next one kills", "f",
        reading=read(replay_forgets="nothing"), replay=1, **ONE,
    ),
    "replay-forgets-suspicion": breaks(
        "I4", "replay forgets that a webhook is a suspect: a poison kills one process more", "x",
        reading=read(replay_forgets="suspicion"), replay=1, **ONE,
    ),
    "replay-keeps-parking": breaks(
        "I4", "replay leaves how long a webhook has parked: its next parking kills it", "f",
        reading=read(replay_forgets_parking=False), park=3, day=1, replay=1, **ONE,
    ),
    "made-due-adds": breaks(
        "I1", "a webhook that waits, made due by hand, joins the solo set and leaves no other", "f",
        reading=read(made_due="adds"), pause_shop=1, replay=1, **ONE,
    ),
    "dead-ttl": breaks(
        "I1", "dead letters have a TTL: Redis drops them uncounted", "r",
        reading=read(dead_have_ttl=True), **ONE,
    ),
}  # fmt: skip
