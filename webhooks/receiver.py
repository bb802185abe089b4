"""The parts of one receiver process and how they fit: the only place that wires them."""

import dataclasses
import logging

from redis.exceptions import RedisError

from avnu.app import build_inbox
from avnu.clock import Clock, SystemClock
from avnu.connections import Connections
from avnu.errors import InboxUnavailable
from avnu.inbox import Inbox
from avnu.settings import Settings
from avnu.shopify.topics import TOPICS
from avnu.start_check import check_start
from webhooks.committer import Committer
from webhooks.contract import Contract
from webhooks.counts import Counts
from webhooks.link import Link
from webhooks.room import Room
from webhooks.signature import Secrets

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Receiver:
    """What the doors of one process share."""

    settings: Settings
    clock: Clock
    connections: Connections
    inbox: Inbox
    contract: Contract
    counts: Counts
    room: Room

    def committer(self) -> Committer:
        """A committer, for the event loop in which it will be started."""
        key = self.inbox.keys.of("probe").encode()
        probe = [[b"SET", key, b"1", b"EX", b"60"], [b"DEL", key]]
        return Committer(
            self.inbox.accepting,
            lambda: Link.open(self.connections.inbox_async()),
            probe,
            self.settings.webhook_inbox_seconds,
        )


def compose(settings: Settings, clock: Clock | None = None) -> Receiver:
    """A receiver that is ready to be put behind a door.

    Raises SettingsInvalid without the app's secret, and UnsupportedServer when Redis answers but
    cannot keep what a 200 promises, or keeps us out: password, rights, certificate. A Redis that
    cannot be reached is no reason not to start: the door answers 503 until it can.
    """
    settings.require_receiver()
    clock = clock or SystemClock()
    connections = Connections(settings)
    inbox = build_inbox(settings, connections, clock)
    try:
        check_start(connections, inbox)
    except (RedisError, OSError, InboxUnavailable) as cause:
        _log.warning("the inbox cannot be reached yet: %s", cause)
    secrets = Secrets(
        settings.shopify_api_secret.reveal(), settings.shopify_api_secret_previous.reveal()
    )
    return Receiver(
        settings=settings,
        clock=clock,
        connections=connections,
        inbox=inbox,
        contract=Contract(secrets, TOPICS, settings.webhook_max_bytes, clock),
        counts=Counts(),
        room=Room(settings.webhook_inflight_bytes),
    )
