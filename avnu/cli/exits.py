"""Exit codes: how a command ends, and the sentence it leaves on stderr."""

from avnu.cli.output import say
from avnu.errors import (
    AvnuError,
    CannotReach,
    InboxUnavailable,
    NotFound,
    SettingsInvalid,
    StoreUnavailable,
    UnknownShop,
)

OK = 0
CHECK_FAILED = 1
USAGE = 2
NOT_FOUND = 3
CANNOT_REACH = 5

_CODES: tuple[tuple[type[AvnuError], int], ...] = (
    (SettingsInvalid, USAGE),
    (NotFound, NOT_FOUND),
    (CannotReach, CANNOT_REACH),
    (InboxUnavailable, CANNOT_REACH),
    (UnknownShop, NOT_FOUND),
    (StoreUnavailable, CANNOT_REACH),
)


def ending(fault: AvnuError) -> int:
    """Say what went wrong, on stderr, and return the exit code for it."""
    say(f"avnu: {fault}")
    for kind, code in _CODES:
        if isinstance(fault, kind):
            return code
    return CHECK_FAILED
