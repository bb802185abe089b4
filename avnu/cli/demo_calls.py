"""The demo's calls of the Admin API, counted by the sandbox, and what made others unnecessary."""

from collections import Counter
from collections.abc import Iterator

import msgspec
import redis

from avnu.cache.counters import ENDS, SAVED
from avnu.cache.peek import counts
from avnu.cli.sandbox_asked import ask_sandbox
from avnu.keys import Keys
from avnu.settings import Settings


class ApiCalls(msgspec.Struct, frozen=True):
    """``calls``, ``throttled`` and ``points`` by the sandbox; the others by Avnu.

    ``cached``: look-ups that handlers wanted and had; ``loaded``: those that were asked for.
    ``told``: calls that Avnu counted itself; of a killed worker the last half second is missing.
    """

    calls: int
    throttled: int
    points: int
    cached: int
    loaded: int
    told: int

    def faults(self) -> Iterator[str]:
        """What must not be."""
        if self.throttled:
            yield f"{self.throttled} calls were THROTTLED: the budget let too many pass"
        if not self.calls:
            yield "no handler has called the Admin API"
        if self.told > self.calls:
            yield f"Avnu counted {self.told} calls, the sandbox {self.calls}"


def api_calls(settings: Settings, client: "redis.Redis") -> ApiCalls:
    """Both sides' counts, once the workers have ended; ``client`` is on DB 0."""
    names = Keys(settings.avnu_namespace)
    ends: Counter[str] = Counter()
    for (_, outcome), n in counts(client, names).items():
        ends[outcome] += n
    report = ask_sandbox("GET", f"{settings.shopify_admin_origin}/sandbox/report")
    told: dict[bytes, bytes] = client.hgetall(names.of("api_counts"))  # type: ignore[assignment]
    return ApiCalls(
        calls=int(report["calls"]),
        throttled=int(report["throttled"]),
        points=int(report["points_spent"]),
        cached=sum(ends[outcome] for outcome in SAVED),
        loaded=sum(ends[outcome] for outcome in ENDS if outcome not in SAVED),
        told=sum(int(n) for name, n in told.items() if name != b"points"),
    )
