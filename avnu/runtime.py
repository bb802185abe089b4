"""What one process works with, wired in one place."""

import dataclasses
import random

from avnu.clock import Clock
from avnu.connections import Connections
from avnu.gate import Gate
from avnu.inbox import Inbox
from avnu.leases import Leases
from avnu.settings import Settings


@dataclasses.dataclass(frozen=True)
class Runtime:
    """Everything a task may use; randomness is for jitter and for the names of owners."""

    settings: Settings
    clock: Clock
    connections: Connections
    inbox: Inbox
    leases: Leases
    gate: Gate
    random: random.Random
