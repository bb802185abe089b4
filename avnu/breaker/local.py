"""One process's own breaker, for as long as Redis does not answer."""

from collections import deque

from avnu.breaker.policy import CLOSED, HALF_OPEN, OPEN, PROBE_AGAIN_MS, BreakerPolicy
from avnu.breaker.standing import Standing

# Beyond this many calls per window the oldest are forgotten: the rate stays true enough.
_MOST = 10_000


class LocalBreaker:
    """The rules of the shared breaker for the calls that one process makes itself.

    Not safe between threads; ``now`` is monotonic seconds. A generation of its own, negative, so
    that it is never taken for one of the shared breaker's.
    """

    def __init__(self, policy: BreakerPolicy) -> None:
        self.policy = policy
        self.generation = -1
        self.forced = ""
        self._forget(CLOSED, 0.0)
        self._row = 0

    def adopt(self, seen: Standing, now: float) -> None:
        """Begin where the shared breaker was last seen; the operator's word holds on."""
        self.forced = seen.forced
        if seen.state == CLOSED:
            self._turn(CLOSED, 0.0)
        elif seen.state == OPEN and (seen.forced or seen.ends > now):
            self._turn(OPEN, seen.ends)
        else:
            self._turn(HALF_OPEN, now + self.policy.probe_ms / 1000)

    def refusal(self, shop: str, now: float) -> float | None:
        """Why a call may not pass: seconds to wait. None: it may, perhaps as a probe."""
        if self.forced:
            return self.policy.open_ms / 1000 if self.forced == OPEN else None
        if self.state != CLOSED and now >= self.ends:
            self._turn(HALF_OPEN, now + self.policy.probe_ms / 1000)
        if self.state == CLOSED:
            return None
        if self.state == OPEN:
            return self.ends - now
        if self._given >= self.policy.probes or (shop and shop in self._asked):
            return min(PROBE_AGAIN_MS / 1000, self.ends - now)
        self._given += 1
        self._asked.add(shop)
        return None

    def report(self, generation: int, shop: str, last: str, now: float) -> None:
        """What a call came to: ``+`` good, ``-`` bad, ``i`` neither."""
        if generation != self.generation:
            return
        if self.state == HALF_OPEN:
            self._vote(shop, last, now)
        elif self.state == CLOSED and last != "i":
            self._calls.append((now, shop, last == "-"))
            if last == "-" and not self.forced and self._hopeless(now):
                self._trip(now)

    def _vote(self, shop: str, last: str, now: float) -> None:
        if last == "-":
            self._against += 1
            if self._against >= self.policy.votes_against:
                self._trip(now)
            return
        self._asked.discard(shop)
        if last == "i":
            self._given -= 1
            return
        self._for += 1
        if self._for >= self.policy.votes_for:
            self._row = 0
            self._turn(CLOSED, 0.0)

    def _hopeless(self, now: float) -> bool:
        policy = self.policy
        while self._calls and self._calls[0][0] <= now - policy.window_s:
            self._calls.popleft()
        bad = sum(failed for _, _, failed in self._calls)
        if len(self._calls) < policy.min_calls:
            return False
        if bad * 100 < policy.failure_percent * len(self._calls):
            return False
        last_of = {shop: failed for _, shop, failed in self._calls}
        failing = sum(last_of.values())
        return policy.min_shops == 0 or (
            failing >= policy.min_shops and failing * 100 >= policy.shop_percent * len(last_of)
        )

    def _trip(self, now: float) -> None:
        self._row += 1
        self._turn(OPEN, now + self.policy.open_for_ms(self._row) / 1000)

    def _turn(self, state: str, ends: float) -> None:
        self.generation -= 1
        self._forget(state, ends)

    def _forget(self, state: str, ends: float) -> None:
        self.state = state
        self.ends = ends
        self._calls: deque[tuple[float, str, bool]] = deque(maxlen=_MOST)
        self._asked: set[str] = set()
        self._given = 0
        self._for = 0
        self._against = 0
