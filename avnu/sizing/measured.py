"""What was measured, by commands of this repository; figures of one machine, to be measured anew.

To renew a table: run its command, copy the medians, change the date and the server.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from avnu.sizing.assumed import Following

MEASURED_ON = "2026-11-26"
SERVER = "Valkey 9.1.2"


class Weight(msgspec.Struct, frozen=True):
    """Bytes of used_memory for each webhook whose payload is so long, of 200 shops."""

    payload_bytes: int
    waiting_bytes: int
    settled_bytes: int


class Cost(msgspec.Struct, frozen=True):
    """CPU seconds per 1,000 webhooks: of the processes that do it, and of Redis for them."""

    process_s: float
    redis_s: float


WEIGHTS_COMMAND = "python -m tests.bench --alone --only weights"
WEIGHTS = (
    Weight(1_000, 1_321, 215),
    Weight(3_000, 3_304, 200),
    Weight(10_000, 10_320, 209),
    Weight(50_000, 50_360, 273),
)

# Values as shops have them, packed as the cache packs them, key and expiry included.
CACHED_BYTES: Mapping[str, int] = MappingProxyType(
    {"shop": 322, "locations": 420, "subscriptions": 711, "product": 354, "variant": 402}
)
# A page of a long list as Shopify answered it (bytes) → stored, deflated above 2 kB.
PAGE_BYTES: Mapping[int, int] = MappingProxyType(
    {1_000: 1_219, 3_000: 1_622, 10_000: 3_679, 50_000: 12_455}
)

WORK_COMMAND = (
    "python -m tests.bench --only accept --only drain --only effects; medians of 5 rounds"
)
# CPU time depends least on what else a machine does, and on that all the same.
MACHINE = "2 cores of an Intel Xeon that did little else, Redis and the generator on them too"
REFERENCE = (
    "there one receiver accepted 5,680 webhooks/s, and 3 processes settled 9,820/s without "
    "effects, or 970/s into PostgreSQL"
)
ACCEPTING = Cost(0.136, 0.095)
# Handlers that decode the payload and do nothing more; each webhook of another shop, the dearest.
READING = Cost(0.079, 0.080)
# Handlers of tasks/products.py, whose writes last. The database server's own time is not in it.
# SQLite is left out: it lets one process write at a time, so that more of them do not help.
EFFECTS: Mapping[str, Cost] = MappingProxyType(
    {
        "PostgreSQL, batches": Cost(1.352, 0.126),
        "PostgreSQL, one by one": Cost(3.543, 0.665),
    }
)

FOLLOWING_COMMAND = "pytest -s tests/integration/test_economy.py"
# Per webhook, of 1,000 updates of 50 products. One that comes in time is believed; a late one may
# be a retry with an old payload, so that its product is read, many by one call or each by its own.
FOLLOWING = (
    Following("in time", 0.001, 0.004),
    Following("late, in a flood", 0.008, 0.405),
    Following("late, a call each", 1.0, 8.02),
)
