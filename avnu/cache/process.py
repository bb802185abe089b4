"""What the cache has in one process. The child of a fork makes its own, and begins anew."""

import random
from typing import Any

import redis

from avnu.cache.channel import Channel
from avnu.cache.counters import EVERY_KIND, Counters, Name, Outcome
from avnu.cache.fetching import Fetching
from avnu.cache.loading import Loading
from avnu.cache.local import EVERY_SHOP, Local
from avnu.cache.messages import unpack_message
from avnu.cache.shared import Shared
from avnu.clock import Clock
from avnu.settings import Settings


class Process:
    """The parts of one process, wired. Making it opens nothing and starts nothing."""

    def __init__(
        self,
        settings: Settings,
        client: "redis.Redis",
        clock: Clock,
        rng: random.Random,
        *,
        passing: tuple[type[Exception], ...],
    ) -> None:
        self.origin = f"{rng.getrandbits(64):x}"
        self.local = Local(settings.cache_local_bytes, clock)
        self.counters = Counters()
        self.shared = Shared(client, settings, clock, self.counters, self.origin)
        fetching = Fetching(
            settings,
            clock,
            rng,
            local=self.local,
            shared=self.shared,
            counters=self.counters,
            passing=passing,
        )
        self.loading = Loading(
            self.local, fetching, self.counters, clock, wait_s=settings.cache_lease_seconds
        )
        self.channel = Channel(
            client,
            self.shared.keys.of("cache_channel"),
            clock,
            # What was read while nobody heard must not be kept either.
            opened=self.local.distrust,
            trusted=self.local.trust,
            closed=self._closed,
            heard=self._heard,
            beat=self._beat,
        )

    def counts(self) -> dict[Name, int]:
        """Everything counted in this process."""
        self._count_hits()
        return self.counters.all()

    def send_counts(self) -> None:
        """Add what was counted to the counters on Redis."""
        self._count_hits()
        unsent = self.counters.take_unsent()
        if unsent and not self.shared.add_counts(unsent):
            self.counters.give_back(unsent)

    def _count_hits(self) -> None:
        # Counted apart: a hit has no time to take a second lock.
        for kind, hits in self.local.take_hits().items():
            self.counters.add(kind, Outcome.LOCAL, hits)

    # ---- called by the channel's thread

    def _closed(self) -> None:
        self.local.distrust()
        self.counters.add(EVERY_KIND, Outcome.GAP)

    def _heard(self, data: Any) -> None:
        message = unpack_message(data)
        if message is None:
            # Of another release, perhaps: what it says is not known, so all may be outdated.
            self.local.drop(EVERY_SHOP)
        elif message.origin != self.origin:
            self.local.drop(message.shop, message.tags)

    def _beat(self) -> None:
        self.shared.deliver_pending()
        self.send_counts()
