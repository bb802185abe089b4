"""The inbox's counters as they stand, by the names that scripts and processes count under."""

from avnu.inbox import Inbox
from avnu.inbox.reach import reaching


def counters(inbox: Inbox) -> dict[str, int]:
    """One round trip; raises InboxUnavailable."""
    with reaching():
        raw = inbox.client.hgetall(inbox.keys.of("counts"))
    return {name.decode(): int(n) for name, n in raw.items()}
