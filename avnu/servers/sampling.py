"""Looking at a sample of a database's keys: bounded in keys, in time, and in what one answer takes.

SCAN walks in the order of hashes, so the first keys it tells of are as good a sample as any. For
each key three questions that the server answers in microseconds and that do not count as a use of
it: PTTL, MEMORY USAGE (5 of a collection's members) and OBJECT IDLETIME, or FREQ where the server
counts uses (an ``lfu`` policy).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from redis.exceptions import NoPermissionError, ResponseError

from avnu.clock import Clock
from avnu.servers.families import IN_USE_FREQ, IN_USE_S, Big, Family, Naming, Seen

# Asked for at a time: a millisecond of the server's time, and then others have their turn.
_AT_A_TIME = 250
_MEMBERS = 5
_BIG = 10


class Sample(msgspec.Struct, frozen=True):
    """What was seen. ``complete``: every key was, so nothing is an estimate.

    ``refused`` are the questions that this user may not ask; what they would tell is None.
    """

    keys: int
    seen: int
    complete: bool
    families: list[Family]
    big: list[Big]
    refused: list[str]


def sample(
    client: Any, naming: Naming, clock: Clock, *, policy: str, most_keys: int, most_s: float
) -> Sample:
    """About ``most_keys`` keys of the client's database, within ``most_s`` seconds.

    Raises redis-py's errors, but for a want of permission, which ``refused`` tells.
    """
    looking = _Looking(client, frequencies="lfu" in policy)
    singles = [one for one in looking.ask(naming.singles()) if one.ttl_ms != _ABSENT]
    known = {one.key for one in singles}
    others: list[Seen] = []
    complete, until_s = False, clock.monotonic() + most_s
    try:
        total = int(client.dbsize())
        for keys in looking.scan():
            others += [one for one in looking.ask(keys) if one.key not in known]
            if len(others) >= most_keys or clock.monotonic() >= until_s:
                break
        else:
            complete = True
    except NoPermissionError:
        looking.refused.add("SCAN")
        total = len(singles)
    # A key may come twice while the server's table grows.
    others = [*{one.key: one for one in others if one.ttl_ms != _ABSENT}.values()]
    factor = 1.0 if complete or not others else max(1.0, (total - len(singles)) / len(others))
    return Sample(
        keys=total,
        seen=len(others) + len(singles),
        complete=complete,
        families=_largest_first(
            [*families(naming, singles, 1.0), *families(naming, others, factor)]
        ),
        big=big(naming, [*singles, *others]),
        refused=sorted(looking.refused),
    )


def families(naming: Naming, seen: Sequence[Seen], factor: float) -> list[Family]:
    """The families of a sample, the one that takes most memory first.

    Each key of it stands for ``factor`` keys.
    """
    by_name: dict[str, list[Seen]] = defaultdict(list)
    for one in seen:
        by_name[naming.family(one.key)].append(one)
    found = [_family(naming, name, keys, factor) for name, keys in by_name.items()]
    return _largest_first(found)


def big(naming: Naming, seen: Sequence[Seen]) -> list[Big]:
    """The ten largest keys."""
    sized = [(one.size_bytes, one.key) for one in seen if one.size_bytes is not None]
    largest = sorted(sized, reverse=True)[:_BIG]
    return [Big(key, naming.family(key), size) for size, key in largest]


def _largest_first(found: Iterable[Family]) -> list[Family]:
    return sorted(found, key=lambda family: (-(family.total_bytes or 0), -family.keys))


def _family(naming: Naming, name: str, seen: Sequence[Seen], factor: float) -> Family:
    sizes = [one.size_bytes for one in seen if one.size_bytes is not None]
    mean = sum(sizes) / len(sizes) if sizes else None
    used = [fresh for one in seen if (fresh := _in_use(one)) is not None]
    return Family(
        name=name,
        pattern=naming.pattern(name),
        meaning=naming.meaning(name),
        seen=len(seen),
        keys=round(len(seen) * factor),
        total_bytes=None if mean is None else round(mean * len(seen) * factor),
        mean_bytes=None if mean is None else round(mean),
        expiring_percent=_percent(sum(one.ttl_ms >= 0 for one in seen), len(seen)),
        in_use_percent=_percent(sum(used), len(used)) if used else None,
    )


def _in_use(one: Seen) -> bool | None:
    if one.freq is not None:
        return one.freq >= IN_USE_FREQ
    return None if one.idle_s is None else one.idle_s <= IN_USE_S


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1)


# ---- asking

_ABSENT = -2  # PTTL's word for a key that is gone
_QUESTIONS = ("PTTL", "MEMORY USAGE", "OBJECT")


class _Looking:
    def __init__(self, client: Any, *, frequencies: bool) -> None:
        self.refused: set[str] = set()
        self._client = client
        self._use = "FREQ" if frequencies else "IDLETIME"
        self._frequencies = frequencies

    def scan(self) -> Iterator[list[str]]:
        """Keys, some at a time, until all were told of."""
        cursor = 0
        while True:
            cursor, keys = self._client.scan(cursor, count=_AT_A_TIME)
            yield [_text(key) for key in keys]
            if cursor == 0:
                return

    def ask(self, keys: Sequence[str]) -> list[Seen]:
        """One round trip for all of ``keys``."""
        with self._client.pipeline(transaction=False) as pipe:
            for key in keys:
                raw = key.encode("utf-8", "surrogateescape")
                pipe.execute_command("PTTL", raw)
                pipe.execute_command("MEMORY", "USAGE", raw, "SAMPLES", _MEMBERS)
                pipe.execute_command("OBJECT", self._use, raw)
            replies = [self._number(n, one) for n, one in enumerate(pipe.execute(False))]
        rows = zip(replies[::3], replies[1::3], replies[2::3], strict=True)
        return [self._seen(key, *row) for key, row in zip(keys, rows, strict=True)]

    def _seen(self, key: str, ttl: int | None, size: int | None, use: int | None) -> Seen:
        ttl_ms = -1 if ttl is None else ttl
        idle_s, freq = (None, use) if self._frequencies else (use, None)
        return Seen(key, ttl_ms, size, idle_s, freq)

    def _number(self, n: int, reply: Any) -> int | None:
        """None for a key that is gone meanwhile, and for what may not be asked."""
        if isinstance(reply, NoPermissionError):
            self.refused.add(_QUESTIONS[n % 3])
            return None
        if isinstance(reply, ResponseError):
            return None  # "no such key", or the policy was changed meanwhile
        if isinstance(reply, Exception):
            raise reply
        return None if reply is None else int(reply)


def _text(key: bytes) -> str:
    return key.decode("utf-8", "surrogateescape")
