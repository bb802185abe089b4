"""What one process works with, wired in one place."""

import dataclasses
import random
from typing import TYPE_CHECKING

from avnu.clock import Clock
from avnu.connections import Connections
from avnu.gate import Gate
from avnu.inbox import Inbox
from avnu.leases import Leases
from avnu.per_process import PerProcess
from avnu.settings import Settings

if TYPE_CHECKING:
    from avnu.services import Services


@dataclasses.dataclass(frozen=True)
class Runtime:
    """Everything a task may use; randomness is for jitter and for the names of owners.

    ``services`` are made by the first task that asks: the receiver, beat and many tasks do not.
    """

    settings: Settings
    clock: Clock
    connections: Connections
    inbox: Inbox
    leases: Leases
    gate: Gate
    random: random.Random
    services: PerProcess["Services"]

    def new_owner(self) -> str:
        """A name that no other run has."""
        return f"{self.random.getrandbits(64):016x}"
