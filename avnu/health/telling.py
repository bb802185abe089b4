"""What the monitor logs: each change of a state once; what it cannot keep, at each look."""

import logging
from collections.abc import Sequence

from avnu.health.check import Check, State
from avnu.health.keeping import Kept
from avnu.logs import about

log = logging.getLogger(__name__)

_LEVELS = {
    State.OK: logging.INFO,
    State.WARNING: logging.WARNING,
    State.FAILED: logging.ERROR,
}


def tell_changes(before: Kept | None, checks: Sequence[Check]) -> None:
    """Each change of a state is one line; what was well at the first look is none.

    Compared is with what was last found of a check, be it several looks ago.
    """
    for check in checks:
        found = before.check(check.name) if before else None
        was = found.state if found else State.OK
        if check.state is not was:
            _tell("health changed", check, was=was.value)


def tell_unkept(checks: Sequence[Check]) -> None:
    """What is not well, of a look that could not be kept: the next one cannot compare."""
    for check in checks:
        if check.state is not State.OK:
            _tell("health found, not kept", check)


def _tell(event: str, check: Check, **more: object) -> None:
    log.log(
        _LEVELS[check.state],
        event,
        extra=about(
            check=check.name, state=check.state.value, **more, found=check.found, todo=check.todo
        ),
    )  # fmt: skip
