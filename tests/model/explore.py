"""Explicit-state exploration: breadth first, shortest traces; safety on the way, liveness after.

Liveness: from every reachable state a state at rest can be reached over fault-free steps alone. In
a finite graph that is liveness under strong fairness: faults stop, ticks go on, nothing arrives.
"""

import gc
import time
from array import array
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from tests.model.livelock import Livelock, fair_cycles
from tests.model.steps import PROTOCOL, REPLACEMENT

FAULT_FREE = (PROTOCOL, REPLACEMENT)


class Model[S: Hashable](Protocol):
    """What can be explored."""
