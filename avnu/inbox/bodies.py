"""What the inbox holds of one shop or one customer: found, taken out, deleted.

For requests by law, which are few: each call looks at every key of the inbox once (about a second
per million). What comes in meanwhile may be seen or not.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import msgspec

from avnu import keys
from avnu.inbox import Inbox
from avnu.inbox.arrival import SETTLED, Stored, read_record
from avnu.inbox.reach import reaching

# Bodies have up to WEBHOOK_MAX_BYTES each.
_BODIES = 20
_SCAN = 1_000
_IDS = 200

Name = tuple[bytes, str]
"""A key that may hold a body, and the webhook's ref."""

# The body to stand in a webhook's place, or None where it says nothing that must go.
Bare = Callable[[Stored], bytes | None]


class Redacted(msgspec.Struct):
    """How many bodies: replaced where they wait, in dead letters; deleted where they were kept."""

    waiting: int = 0
    dead: int = 0
    kept: int = 0


class Erased(msgspec.Struct):
    """How many webhooks were deleted, kept bodies too; and the areas in which a run holds one."""

    webhooks: int = 0
    kept: int = 0
    held_in: list[str] = msgspec.field(default_factory=list)


class _Read(NamedTuple):
    """A webhook with its body, and the bytes as they were read."""

    webhook: Stored
    raw: bytes

    def with_body(self, body: bytes) -> bytes:
        return self.raw[: self.raw.index(b"\n") + 1] + body

    def digest(self) -> str:
        return hashlib.sha1(self.raw, usedforsecurity=False).hexdigest()


class Bodies:
    """Raises InboxUnavailable. ``but``: the id of a webhook that is left as it is."""

    def __init__(self, inbox: Inbox) -> None:
        self.inbox = inbox
        self._prefixes = tuple(inbox.keys.of(name) for name in ("record", "body"))

    def each(self, shop: str) -> Iterator[Stored]:
        """Every webhook of the shop whose body is there: open, dead, or settled and kept."""
        for some in self._read(shop):
            yield from (one.webhook for one in some)

    def redact(self, shop: str, bare: Bare, *, but: str) -> Redacted:
        """Replaces the bodies for which ``bare`` answers another."""
        done = Redacted()
        self.redact_these(self._names(shop), bare, done, but=but)
        return done

    def redact_these(
        self, names: Iterable[Name], bare: Bare, done: Redacted, but: str = ""
    ) -> None:
        """The same for the bodies under these keys; ``done`` grows."""
        for some in self._chunks(iter(names)):
            pairs = [(one, bare(one.webhook)) for one in some if one.webhook.webhook_id != but]
            self._replace([(one, body) for one, body in pairs if body is not None], done)

    def redact_one(self, shop: str, webhook_id: str, bare: Bare) -> None:
        """The same for one webhook, which its run holds."""
        key = self.inbox.keys.of("record", keys.ref(shop, webhook_id))
        with reaching():
            raw = self.inbox.client.get(key)
        if raw and not raw.startswith(SETTLED):
            one = _Read(read_record(shop, webhook_id, raw), raw)
            body = bare(one.webhook)
            if body is not None:
                self._replace([(one, body)], Redacted())

    def erase(self, shop: str, *, but: str) -> Erased:
        """Deletes all webhooks of the shop that no run holds, and empties the bodies of the others.

        To be called again until ``held_in`` is empty: what a run gives back stands in line again.
        """
        done = Erased()
        while taken := self._erase(shop, ())[0]:
            done.webhooks += taken
        areas: set[str] = set()
        for some in self._read(shop):
            found = [one.webhook for one in some if one.webhook.webhook_id != but]
            _, letters = self._erase(shop, [one.webhook_id for one in found])
            done.webhooks += letters.count("X")
            done.kept += letters.count("K")
            areas |= {one.area for one, letter in zip(found, letters, strict=True) if letter == "L"}
        done.held_in = sorted(areas)
        return done

    def _erase(self, shop: str, ids: Sequence[str]) -> tuple[int, str]:
        areas = self.inbox.areas
        most = 0 if ids else _IDS
        reply = self.inbox.run("erase", keys.short(shop), most, len(areas), *areas, *ids)
        return int(reply[0]), reply[1].decode()

    def _replace(self, pairs: Sequence[tuple[_Read, bytes]], done: Redacted) -> None:
        if not pairs:
            return
        argv: list[str | bytes] = []
        for one, body in pairs:
            argv += [one.webhook.ref, one.digest(), one.with_body(body)]
        letters = self.inbox.run("redact", *argv).decode()
        done.waiting += letters.count("R")
        done.dead += letters.count("D")
        done.kept += letters.count("K")

    def _read(self, shop: str) -> Iterator[list[_Read]]:
        return self._chunks(self._names(shop))

    def _chunks(self, names: Iterator[Name]) -> Iterator[list[_Read]]:
        while some := list(islice(names, _BODIES)):
            with reaching():
                values = self.inbox.client.mget([key for key, _ in some])
            yield [
                _Read(read_record(*keys.split_ref(ref), raw), raw)
                for (_, ref), raw in zip(some, values, strict=True)
                if raw and not raw.startswith(SETTLED)
            ]

    def _names(self, shop: str) -> Iterator[Name]:
        match = self.inbox.keys.prefix + f"*:{keys.short(shop)}/*"
        with reaching():
            for key in self.inbox.client.scan_iter(match=match, count=_SCAN):
                for prefix in self._prefixes:
                    ref = key.decode("latin-1").removeprefix(prefix)
                    if len(ref) < len(key) and ref.startswith(f"{keys.short(shop)}/"):
                        yield key, ref
