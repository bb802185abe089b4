"""What is said of deliveries, of the inbox and of those who work on it. Pure."""

import math
from collections.abc import Iterator, Mapping

from avnu.connection_options import Role
from avnu.health.check import Check, failed, ok, warning
from avnu.health.facts import Facts, InboxFacts, Quiet, Unreached
from avnu.inbox.buckets import ACK, ACK_BOUNDS_S, cumulated
from avnu.inbox.overview import RECEIVED, Overview
from avnu.inbox.workers import WORKERS_DOWN_S
from avnu.settings import Settings

_SLOW_S = 1.0
# Below so many in the window a share says nothing.
_LEAST_DELIVERIES = 20
_LEAST_RUNS = 20
_REFUSED_PERCENT = 50
_UNAVAILABLE_PERCENT = 1
# One shop's share of a backlog that is worth naming.
_FLOOD = 1000
_FLOOD_SHARE = 0.5
# Silence is told after so many times the longest that there ever was.
_TIMES_LONGEST = 3.0
# Older than this, what waits has been overtaken by Shopify's own last retry.
_FAR_TOO_OLD_S = 4 * 3600.0


def inbox_checks(facts: Facts, settings: Settings) -> Iterator[Check]:
    """All that the inbox alone can tell; those of rates only with something to compare with."""
    found = facts.inbox
    if isinstance(found, Unreached):
        if isinstance(facts.servers[Role.INBOX.value], Unreached):
            return  # said already
        yield failed(
            "inbox", found.why, "nothing can be said about what is in it", "see the databases"
        )
        return
    yield _workers(found.state)
    yield _beat(found, settings)
    yield _canary(found, settings)
    yield _room(found.state)
    yield _waiting(found, settings)
    yield _stuck(found)
    yield _silence(found, facts.quiet, settings)
    if facts.before is not None:
        new = _Increase(found.state.counters, facts.before.counters)
        yield from _deliveries(new, settings)
        yield _retries(new, settings)
        yield _dead(found.state, new)
        yield _repairs(new, settings)


class _Increase:
    """Counters since the sample."""

    def __init__(self, now: Mapping[str, int], before: Mapping[str, int]) -> None:
        self.by_name = {name: n - before.get(name, 0) for name, n in now.items()}

    def of(self, word: str) -> int:
        """A counter, summed over areas and whatever else follows the word."""
        return sum(n for name, n in self.by_name.items() if name.partition(":")[0] == word)


def _workers(state: Overview) -> Check:
    age_s = state.tick_age_s
    found = "last tick never" if math.isinf(age_s) else f"last tick {age_s:.0f} s ago"
    if age_s > WORKERS_DOWN_S:
        return failed(
            "workers", found,
            "webhooks are kept, but not followed, and retries and parked shops wait",
            "start one: celery -A avnu worker",
        )  # fmt: skip
    found += f", {len(state.workers)} up"
    taken = {queue for worker in state.workers for queue in worker.queues}
    left = [area.area for area in state.areas if area.area not in taken]
    if state.workers and left:
        return warning(
            "workers", f"{found}; none takes {', '.join(left)}",
            "webhooks of these areas are kept, but not followed",
            f"start one for them: celery -A avnu worker -Q {','.join(left)}",
        )  # fmt: skip
    return ok("workers", found)


def _beat(found: InboxFacts, settings: Settings) -> Check:
    if found.heard.beat_s <= settings.monitor_late_seconds:
        return ok("beat", f"heard of {found.heard.beat_s:.0f} s ago")
    return warning(
        "beat", _late(found.heard.beat_s),
        "no tokens are refreshed ahead, nothing is compared with Shopify, no deadline is told",
        "start one: celery -A avnu beat (two are safe)",
    )  # fmt: skip


def _canary(found: InboxFacts, settings: Settings) -> Check:
    if found.heard.canary_s <= settings.monitor_late_seconds:
        return ok("canary", f"came back {found.heard.canary_s:.0f} s ago")
    if found.heard.beat_s > settings.monitor_late_seconds:
        return warning(
            "canary", f"{_late(found.heard.canary_s)}: beat sends none",
            "nobody knows whether messages reach workers", "see the check of beat",
        )  # fmt: skip
    return failed(
        "canary", f"{_late(found.heard.canary_s)}, though beat sends it",
        "messages do not reach a worker, or workers have no time for them",
        "is a worker up that takes the queue maintenance? celery -A avnu inspect active",
    )  # fmt: skip


def _late(age_s: float) -> str:
    return "never heard of" if math.isinf(age_s) else f"last heard of {age_s:,.0f} s ago"


def _room(state: Overview) -> Check:
    if not state.full:
        return ok("room", "new webhooks are kept")
    return failed(
        "room", "the inbox is full",
        "new webhooks are answered 503, and Shopify gives up after 4 hours",
        "add workers so that it drains, or raise maxmemory of the server",
    )  # fmt: skip


def _waiting(found: InboxFacts, settings: Settings) -> Check:
    """How much waits, for how long, and whose it is."""
    areas = found.state.areas
    backlog = sum(area.backlog for area in areas)
    oldest = max(areas, key=lambda area: area.oldest_s, default=None)
    oldest_s = oldest.oldest_s if oldest else 0.0
    told = f"{backlog:,} wait"
    if oldest is not None and oldest_s:
        told += f", the oldest for {oldest_s:,.0f} s ({oldest.area})"
    whose = ", ".join(f"{line.shop} {line.waiting:,} ({line.area})" for line in found.longest)
    if whose:
        told += f"; the longest lines: {whose}"
    todo = "add workers for its area (celery -A avnu worker -Q), or look what holds up: avnu status"
    why = "the copy of the shops is as old as what waits"
    if oldest_s >= _FAR_TOO_OLD_S:
        return failed("waiting", told, why, todo)
    if oldest_s >= settings.monitor_oldest_seconds:
        return warning("waiting", told, why, todo)
    first = found.longest[0].waiting if found.longest else 0
    if backlog >= _FLOOD and first >= _FLOOD_SHARE * backlog:
        return warning(
            "waiting", told, "one shop floods its partition, and others of it wait a turn longer",
            "usually it passes; avnu queues pause shop SHOP, if it does not",
        )  # fmt: skip
    return ok("waiting", told)


def _stuck(found: InboxFacts) -> Check:
    stuck = {area: n for area, n in found.stuck.items() if n}
    if not stuck:
        return ok("partitions", f"{found.state.partitions_busy} with work, none is stuck")
    return failed(
        "partitions", "stuck: " + ", ".join(f"{area} {n}" for area, n in stuck.items()),
        "their shops' webhooks wait, though workers may be up",
        "does a worker take these queues? celery -A avnu inspect active_queues",
    )  # fmt: skip


def _silence(found: InboxFacts, quiet: Quiet, settings: Settings) -> Check:
    age_s = found.heard.received_s
    if age_s is None:
        return ok("deliveries", "none came so far")
    told = f"the last came {age_s:,.0f} s ago"
    if age_s <= max(settings.monitor_silence_seconds, _TIMES_LONGEST * quiet.longest_s):
        return ok("deliveries", told)
    return warning(
        "deliveries", f"{told}; the longest pause was {quiet.longest_s:,.0f} s",
        "Shopify may not reach the receiver, or the subscriptions are gone",
        "deliver one by hand (avnu verify), look at the proxy, and: avnu shops subscriptions",
    )  # fmt: skip


def _deliveries(new: _Increase, settings: Settings) -> Iterator[Check]:
    """How fast they were answered, and with what."""
    acks = dict(cumulated(new.by_name, ACK, ACK_BOUNDS_S))
    answered = acks["+Inf"]
    slow = answered - acks[str(_SLOW_S)]
    told = f"{slow:,.0f} of {answered:,.0f} took more than 1 s"
    if answered < _LEAST_DELIVERIES or slow * 100 <= settings.monitor_slow_percent * answered:
        yield ok("answers", told)
    else:
        yield warning(
            "answers", told, "Shopify waits for 5 s, then counts a failure; 8 cost a subscription",
            "look at the inbox's latency and at the receivers' CPU; add a receiver",
        )  # fmt: skip
    received = {outcome: new.of(outcome) for outcome in RECEIVED}
    every = sum(received.values())
    shares = ", ".join(f"{outcome} {n:,}" for outcome, n in received.items() if n) or "none"
    if every >= _LEAST_DELIVERIES:
        if received["unavailable"] * 100 > _UNAVAILABLE_PERCENT * every:
            yield failed(
                "outcomes", shares, "Shopify delivers them again for 4 hours, and not longer",
                "see the checks of the inbox's database and of its room",
            )  # fmt: skip
            return
        if received["rejected"] * 100 > _REFUSED_PERCENT * every:
            yield warning(
                "outcomes", shares, "a strange sender, or a secret that is not Shopify's",
                "compare SHOPIFY_API_SECRET with the app's (avnu verify); SHOPIFY_API_SECRET_"
                "PREVIOUS during a rotation",
            )  # fmt: skip
            return
    yield ok("outcomes", shares)


def _retries(new: _Increase, settings: Settings) -> Check:
    retries, done = new.of("retries"), new.of("done")
    told = f"{retries:,} failed runs beside {done:,} that were done"
    runs = retries + done
    if runs < _LEAST_RUNS or retries * 100 <= settings.monitor_retries_percent * runs:
        return ok("retries", told)
    return warning(
        "retries", told, "what fails QUEUE_ATTEMPTS times is a dead letter",
        "the errors are in Flower's failed tasks and the workers' logs",
    )  # fmt: skip


def _dead(state: Overview, new: _Increase) -> Check:
    now = sum(area.dead for area in state.areas)
    fresh = new.of("dead")
    told = f"{now:,} dead letters, {fresh:,} of late"
    if not fresh:
        return ok("dead letters", told)
    return warning(
        "dead letters", told, "their changes are not in the copy of the shop",
        "avnu dead list says why; once that is mended: avnu dead replay",
    )  # fmt: skip


def _repairs(new: _Increase, settings: Settings) -> Check:
    leases, wakeups = new.of("leases_recovered"), new.of("wakeups_replaced")
    told = f"{leases:,} leases recovered, {wakeups:,} wake-ups replaced"
    if max(leases, wakeups) < settings.monitor_recovered:
        return ok("repairs", told)
    return warning(
        "repairs", told, "workers are killed or frozen, or the broker loses messages",
        "look for killed processes (memory), slow handlers, and restarts of Redis",
    )  # fmt: skip
