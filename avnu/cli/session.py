"""What a command works with: the settings, and the inbox they point at."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from avnu.cli.output import say
from avnu.connections import Connections
from avnu.errors import CannotReach, InboxUnavailable, SettingsInvalid
from avnu.inbox import Inbox
from avnu.settings import Settings, load_settings


@contextmanager
def open_inbox() -> Iterator[Inbox]:
    """The inbox that the settings name, closed afterwards.

    Raises SettingsInvalid (exit code 2), and CannotReach (5) for whatever fails inside because
    Redis does not answer, or does not let it.
    """
    # Late: Celery takes longer to import than most commands take.
    from avnu.app import build_inbox

    settings = load_settings()
    connections = Connections(settings)
    try:
        yield build_inbox(settings, connections)
    except InboxUnavailable as fault:
        raise CannotReach(f"the inbox at {place(settings)} cannot be reached: {fault}") from fault
    finally:
        connections.close()


def let_go_on(unpark: Callable[[Inbox], int]) -> bool:
    """Unpark what has waited, and say how many went on; False, and a word, if Redis is away.

    Whatever waits goes on by itself later, so that is no reason to fail.
    """
    try:
        with open_inbox() as inbox:
            went_on = unpark(inbox)
    except (CannotReach, SettingsInvalid) as fault:
        say(f"webhooks that wait go on when their time comes, not at once: {fault}")
        return False
    if went_on:
        say(f"waited and go on now: {went_on:,}")
    return True


def place(settings: Settings) -> str:
    """Where queue and inbox are, for people."""
    if settings.redis_sentinels:
        return f"{settings.redis_sentinel_master} (by Sentinel)"
    return f"{settings.redis_host}:{settings.redis_port}"
