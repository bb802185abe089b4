"""Keys by family, from a sample: how many, how large, how many expire, how many are in use.

A *family* is a row of ``avnu/keys.py``, or what Celery and beat keep beside the inbox. To have
another family named: a row in ``_NEIGHBOURS``.
"""

from collections.abc import Iterable

import msgspec

from avnu.keys import TABLES, Keys

OTHER, FOREIGN = "other", "foreign"
# Used within this long counts as in use: what a busy system touches again and again.
IN_USE_S = 60
# Of LFU's counter (0 to 255): about this many uses lately, as it grows logarithmically.
IN_USE_FREQ = 10

# After the namespace, in the queue's database: kombu's and redbeat's names.
_NEIGHBOURS = {
    "unacked": "Celery's messages under way",
    "_kombu.binding.": "Celery's bindings",
    "redbeat": "beat's schedule",
}


class Seen(msgspec.Struct, frozen=True):
    """One key of the sample. ``size_bytes``, ``idle_s`` or ``freq`` None: the server did not say.

    ``ttl_ms`` is -1 for a key that does not expire.
    """

    key: str
    ttl_ms: int
    size_bytes: int | None
    idle_s: int | None
    freq: int | None = None


class Family(msgspec.Struct, frozen=True):
    """One family in one database.

    ``keys`` and ``total_bytes`` are estimates for the whole database, unless all keys were seen.
    ``in_use_percent`` and ``expiring_percent`` are of the keys in the sample.
    """

    name: str
    pattern: str
    meaning: str
    seen: int
    keys: int
    total_bytes: int | None
    mean_bytes: int | None
    expiring_percent: float
    in_use_percent: float | None


class Big(msgspec.Struct, frozen=True):
    """One of the largest keys that were seen."""

    key: str
    family: str
    size_bytes: int


class Naming:
    """Finds the family of a key, within one namespace; ``queues`` are Celery's."""

    def __init__(self, keys: Keys, queues: Iterable[str]) -> None:
        self._prefix = keys.prefix
        self._queues = frozenset(queues)
        rows = [row for table in TABLES for row in table]
        self._whole = {row.suffix: row for row in rows if not row.takes}
        self._begun = sorted(
            (row for row in rows if row.takes), key=lambda row: len(row.suffix), reverse=True
        )
        self._meanings = {row.name: row.meaning for row in rows} | {
            "queue": "Celery's messages: wake-ups and tasks that wait",
            OTHER: "no family of this Avnu",
            FOREIGN: "of another namespace or program",
        }
        self._patterns = {
            row.name: f"{self._prefix}{row.suffix}{'*' if row.takes else ''}" for row in rows
        }

    def family(self, key: str) -> str:
        """The family's name; ``other`` for a stranger in the namespace, ``foreign`` outside it."""
        if not key.startswith(self._prefix):
            return FOREIGN
        rest = key.removeprefix(self._prefix)
        if rest in self._whole:
            return self._whole[rest].name
        if rest in self._queues:
            return "queue"
        for begins, name in _NEIGHBOURS.items():
            if rest.startswith(begins):
                return name
        return next((row.name for row in self._begun if rest.startswith(row.suffix)), OTHER)

    def singles(self) -> list[str]:
        """Keys of which a namespace has one: seldom in a sample, and perhaps the largest."""
        return [f"{self._prefix}{suffix}" for suffix in self._whole if suffix]

    def meaning(self, name: str) -> str:
        """What a family holds, for people."""
        return self._meanings.get(name, name)

    def pattern(self, name: str) -> str:
        """The keys of a family, for people."""
        return self._patterns.get(name, "")
