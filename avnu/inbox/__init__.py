"""The transactional inbox: what is acknowledged is kept here until it is settled.

One method per script, one round trip each. The protocol and its states are in `avnu/README.md`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from zlib import crc32

import msgspec
import redis

from avnu import keys
from avnu.clock import Clock
from avnu.inbox.accept import Accepting
from avnu.inbox.arrival import Answer, Arrival
from avnu.inbox.parked import shops_parked_for
from avnu.inbox.reach import insist, reaching
from avnu.inbox.solo import Claim, Due, Refusal, read_claim, read_due
from avnu.inbox.turn import Drain, Parking, Verdict
from avnu.inbox.workers import NOBODY, Ticking
from avnu.keys import Keys
from avnu.lua import Scripts, Wakeup
from avnu.settings import Settings

# One call of a bulk script: a few ms of the server's time at most.
BULK = 200


class Ticked(msgspec.Struct, frozen=True):
    """What a tick did. ``early``: another process ticked just now."""

    early: bool
    full: bool = False
    replaced: int = 0  # wake-ups that seemed lost
    recovered: int = 0  # leases that had ended without an answer
    due: Sequence[Due] = ()


class Inbox:
    """The inbox of one deployment; its methods raise InboxUnavailable when it cannot be reached."""

    def __init__(
        self,
        client: "redis.Redis",
        settings: Settings,
        clock: Clock,
        areas: Sequence[str],
        wakeups: Mapping[str, Wakeup],
    ) -> None:
        # Any: redis-py types a reply as the union of what its options could make of it.
        self.client: Any = client
        self.settings = settings
        self.clock = clock
        self.areas = tuple(areas)
        self.keys = Keys(settings.avnu_namespace)
        self.scripts = Scripts(self.keys, script_constants(settings), wakeups)
        self.accepting = Accepting(settings, self.scripts)

    def run(self, script: str, *argv: str | bytes | float) -> Any:
        """Run one script."""
        with reaching():
            return self.scripts.run(self.client, script, *argv)

    # ---- what comes in

    def accept(self, arrivals: Sequence[Arrival]) -> list[Answer]:
        """Keep a group of webhooks, durable as INBOX_DURABILITY says when this returns.

        The receiver's doors keep theirs through ``webhooks/committer.py``, and this is for whoever
        finds a webhook that was never sent.

        Raises InboxUnavailable also when durability was not confirmed in time: the webhooks may be
        kept then, and a second delivery is a duplicate that waits for the same confirmation.
        """
        commands = self.accepting.commands(arrivals)
        with reaching():
            replies = self._together(commands)
            if isinstance(replies[0], redis.exceptions.NoScriptError):
                _, *replies = self._together([self.accepting.load_command(), *commands])
            return self.accepting.answers(replies)

    def _together(self, commands: Iterable[Sequence[bytes]]) -> list[object]:
        """One round trip on one connection; an error reply is an exception among the replies."""
        with self.client.pipeline(transaction=False) as pipe:
            for command in commands:
                pipe.execute_command(*command)
            replies: list[object] = pipe.execute(raise_on_error=False)
        return replies

    def flush_counters(self, counters: Mapping[str, int]) -> bool:
        """Add counters that no script sees (rejected, ignored, unavailable); note the memory.

        Returns whether the inbox is full.
        """
        return bool(self.run("flush", *_pairs(counters)))

    # ---- workers

    def drain(self, area: str, p: int, wake: int, owner: str) -> Drain:
        """A drain of one partition; nothing is asked before its ``begin``."""
        lease_s = float(self.settings.inbox_lease_seconds)
        return Drain(self.run, self.clock, area=area, p=p, wake=wake, owner=owner, lease_s=lease_s)

    def renew(self, kind: str, name: str, owner: str, token: str) -> bool:
        """Renew a lease: kind ``part`` (name: part) or ``solo`` (name: ref). False: it is lost."""
        return bool(self.run("renew", kind, name, owner, token))

    def claim(
        self, shop: str, webhook_id: str, owner: str, *, alone: bool = True
    ) -> Claim | Refusal:
        """Claim a webhook that travels alone. Asked again with the same owner: the same claim.

        ``alone``: nothing else runs in this process, without which a suspect is refused.

        Asked until answered: a claim whose answer was lost would end as a crash that never was.
        """
        reply = self._insist(
            "solo_claim", keys.short(shop), webhook_id, owner, "1" if alone else "0"
        )
        return read_claim(shop, webhook_id, owner, reply)

    def settle(
        self, claim: Claim, verdict: Verdict, parking: Parking | None, jitter: float
    ) -> bool:
        """Settle a claimed webhook. False: the claim is no longer this run's, nothing changed.

        Asked until answered, like a turn; False also when the answer to the first asking was lost.
        """
        shop = claim.webhook.shop
        reply = self._insist(
            "solo_settle", keys.short(shop), claim.webhook.webhook_id, claim.owner, claim.token,
            verdict.letter, verdict.reason, jitter, "" if parking is None else parking.wait_ms,
            "" if parking is None else parking.cause, crc32(shop.encode()),
        )  # fmt: skip
        return bool(reply[0] == b"OK")

    def tick(self, worker: Ticking = NOBODY) -> Ticked:
        """The heartbeat: see tick.lua. The caller publishes what is due."""
        reply = self.run("tick", *worker.arguments())
        if reply[0] == b"EARLY":
            return Ticked(early=True)
        return Ticked(False, reply[1] == b"1", reply[2], reply[3], read_due(reply[4:]))

    def _insist(self, script: str, *argv: str | float) -> Any:
        return insist(
            lambda: self.run(script, *argv), self.clock, self.settings.inbox_lease_seconds
        )

    # ---- operators

    def replay(self, refs: Iterable[str]) -> dict[str, str]:
        """Replay dead letters; per ref ``replayed``, ``due now`` (it waited alone) or ``gone``."""
        names = {"R": "replayed", "N": "due now", "G": "gone"}
        return {ref: names[letter] for ref, letter in self._bulk("replay", refs)}

    def drop(self, refs: Iterable[str]) -> dict[str, str]:
        """Delete dead letters; per ref ``deleted`` or ``gone``."""
        names = {"X": "deleted", "G": "gone"}
        return {ref: names[letter] for ref, letter in self._bulk("drop", refs)}

    def _bulk(self, script: str, refs: Iterable[str]) -> Iterable[tuple[str, str]]:
        every = list(refs)
        for start in range(0, len(every), BULK):
            some = every[start : start + BULK]
            yield from zip(some, self.run(script, *some).decode(), strict=True)

    def pause(self, kind: str, name: str) -> bool:
        """Pause an ``area``, ``topic`` or ``shop``. False: it was paused already."""
        return bool(self.run("pause", "pause", _what(kind, name), *self.areas))

    def resume(self, kind: str, name: str) -> bool:
        """Undo a pause. False: it was not paused."""
        return bool(self.run("pause", "resume", _what(kind, name), *self.areas))

    def unpark(self, shop: str, causes: Collection[str] = ()) -> int:
        """A parked shop goes on now: in every area, or where it waits for one of ``causes``.

        Returns in how many areas that was.
        """
        return int(self.run("unpark", *self._unparking(shop, causes)))

    def unpark_waiting(self, causes: Collection[str]) -> int:
        """All shops that are parked for one of ``causes`` go on now. Returns how many."""
        with reaching():
            shops = shops_parked_for(self.client, self.keys, causes)
            for start in range(0, len(shops), BULK):
                some = [self._unparking(shop, causes) for shop in shops[start : start + BULK]]
                self.scripts.run_many(self.client, "unpark", some)
        return len(shops)

    def _unparking(self, shop: str, causes: Collection[str]) -> list[str]:
        """Arguments of the script; causes stand between slashes, so that each is found whole."""
        return [keys.short(shop), f"/{'/'.join(causes)}/" if causes else "", *self.areas]


def script_constants(settings: Settings) -> dict[str, int]:
    """The settings as scripts know them: ms, but for names that end in ``_s``."""
    return {
        "inbox_db": settings.redis_webhook_db,
        "queue_db": settings.redis_queue_db,
        "partitions": settings.inbox_partitions,
        "batch": settings.inbox_batch,
        "turn_shops": settings.inbox_turn_shops,
        "batch_bytes": settings.inbox_batch_bytes,
        # Renewed every third of it, a live lease has two thirds left: half a term is a gap.
        "gap_ms": min(5000, settings.inbox_lease_seconds * 500),
        "lease_ms": settings.inbox_lease_seconds * 1000,
        "full_percent": settings.inbox_full_percent,
        "solo_per_s": settings.inbox_solo_per_second,
        "guard_s": settings.inbox_replay_guard_seconds,
        "ttl_s": settings.redis_ttl_seconds,
        "keep_body_s": settings.webhook_keep_body_seconds,
        "attempts": settings.queue_attempts,
        "backoff_ms": settings.queue_backoff_delay,
        "park_first_ms": settings.park_first_seconds * 1000,
        "park_longest_ms": settings.park_longest_seconds * 1000,
        "park_max_ms": settings.park_max_seconds * 1000,
        "dead_ttl_ms": settings.dead_ttl_seconds * 1000,
        "unhandled_ms": settings.unhandled_seconds * 1000,
    }


def _pairs(counters: Mapping[str, int]) -> list[str | int]:
    return [value for name, n in counters.items() if n for value in (name, n)]


def _what(kind: str, name: str) -> str:
    return f"{kind}:{keys.short(name) if kind == 'shop' else name}"
