"""The operator's side of the breakers: see them, force them, let them be."""

from typing import Any

import msgspec
import redis

from avnu.breaker.policy import AUTO, BreakerPolicy
from avnu.keys import Keys
from avnu.lua import Scripts
from avnu.redis_rest import as_texts

SCRIPTS = ("breaker_show", "breaker_force")


class BreakerState(msgspec.Struct, frozen=True):
    """A breaker at one moment. ``state``: closed, open, half-open, forced-open or forced-closed.

    ``left_ms``: until it probes (open), or its probes' permits lapse (half-open). Calls and shops
    are those of the window; probes those of the half-open window.
    """

    name: str
    state: str
    left_ms: int
    since_ms: int
    openings: int
    good_calls: int
    bad_calls: int
    shops: int
    failing_shops: int
    probes: int
    good_probes: int
    bad_probes: int


class BreakerControl:
    """``client`` is on DB 0. Every method raises what redis-py raises."""

    def __init__(self, client: "redis.Redis", keys: Keys, policy: BreakerPolicy) -> None:
        self._client: Any = client
        self._keys = keys
        self._scripts = Scripts(keys, policy.constants(), names=SCRIPTS)

    def names(self, known: tuple[str, ...]) -> list[str]:
        """``known``, and whatever else ever opened or was forced."""
        found = {name.decode() for name in self._client.smembers(self._keys.of("breakers"))}
        return [*known, *sorted(found - set(known))]

    def show(self, name: str) -> BreakerState:
        """One breaker; one of which nothing is known is closed."""
        reply = as_texts(self._scripts.run(self._client, "breaker_show", name))
        state, _, left_ms, forced = reply[:4]
        word = f"forced-{forced}" if forced else state
        return BreakerState(name, word, left_ms, *(int(value) for value in reply[5:]))

    def force(self, name: str, word: str) -> bool:
        """``open``, ``closed`` or ``auto``. False: it was so already."""
        reply = self._scripts.run(self._client, "breaker_force", name, word)
        return bool(as_texts(reply)[5] != ("" if word == AUTO else word))
