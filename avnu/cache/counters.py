"""What the cache did, by kind and outcome: counted in the process, added up on Redis."""

import enum
import threading
from collections import Counter
from collections.abc import Mapping


class Outcome(enum.StrEnum):
    """The first six are how a ``get`` ended: each is counted under exactly one of them, and so is
    each id of a ``get_many``.
    """

    LOCAL = "local"  # from the process
    SHARED = "shared"  # from Redis
    JOINED = "joined"  # another thread of the process was loading it
    STALE = "stale"  # no longer fresh: its load failed, or another process is loading it
    LOADED = "loaded"
    FAILED = "failed"  # it raised, as its load did and there was nothing to serve
    EARLY = "early"  # loads before the end of the lifetime, to spread them
    LOAD_ERROR = "load_error"
    WAITED = "waited"  # gets that waited for another process
    ABSENT = "absent"  # answers that the thing does not exist
    BEHIND = "behind"  # loads that brought less than the version asked for
    OUTDATED = "outdated"  # loaded, but invalidated before it could be stored
    OLDER = "older"  # loaded, but a newer one was there
    TOO_LARGE = "too_large"
    SERVER_FULL = "server_full"
    UNREADABLE = "unreadable"  # entries of another release, or broken
    INVALIDATED = "invalidated"
    GAP = "gap"  # times that a process lost touch with the messages
    UNREACHABLE = "unreachable"  # questions that Redis did not answer
    REFUSED = "refused"  # questions that Redis answered with an error
    SKIPPED = "skipped"  # questions not asked, while Redis was left alone


ENDS = (
    Outcome.LOCAL, Outcome.SHARED, Outcome.JOINED, Outcome.STALE, Outcome.LOADED, Outcome.FAILED,
)  # fmt: skip
SAVED = (Outcome.LOCAL, Outcome.SHARED, Outcome.JOINED, Outcome.STALE)
EVERY_KIND = "*"

Name = tuple[str, str]  # kind, outcome


class Counters:
    """Counters of one process, safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[Name] = Counter()
        self._unsent: Counter[Name] = Counter()

    def add(self, kind: str, outcome: Outcome, n: int = 1) -> None:
        """Count ``n`` more; ``kind`` is EVERY_KIND for what concerns no kind alone."""
        with self._lock:
            self._counts[kind, outcome.value] += n
            self._unsent[kind, outcome.value] += n

    def ended(self, kind: str, outcome: Outcome, value: object) -> None:
        """A get ended with ``value``."""
        self.add(kind, outcome)
        if value is None:
            self.add(kind, Outcome.ABSENT)

    def all(self) -> dict[Name, int]:
        """Everything since the process began to use the cache."""
        with self._lock:
            return dict(self._counts)

    def take_unsent(self) -> dict[Name, int]:
        """What Redis was not told yet; the caller tells it, or gives it back."""
        with self._lock:
            taken, self._unsent = self._unsent, Counter()
        return dict(taken)

    def give_back(self, counts: Mapping[Name, int]) -> None:
        """What could not be told after all."""
        with self._lock:
            self._unsent.update(counts)
