"""Webhooks of a deployment's shop through its inbox, drained in this process by tasks/products."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from avnu.app import create_app
from avnu.drain import drain_partition
from avnu.inbox.arrival import Answer, Arrival
from tasks import products
from tests.support.deployment import Deployment
from tests.support.inbox import partition

_GROUP = 100


class Drained:
    """One worker without its Celery: it drains and ticks when a test says so."""

    def __init__(self, deployment: Deployment) -> None:
        self._shop = deployment.shop
        self._clock = deployment.clock
        self.runtime = create_app(deployment.settings).runtime

    def accept(self, bodies: Iterable[Mapping[str, Any]], on_its_way_ms: int = 0) -> None:
        """Webhooks of products/update."""
        every = [self._arrival(body, on_its_way_ms) for body in bodies]
        for start in range(0, len(every), _GROUP):
            answers = self.runtime.inbox.accept(every[start : start + _GROUP])
            assert set(answers) == {Answer.ACCEPTED}

    def drain(self) -> Mapping[str, int | str]:
        """One message's worth of turns: what it did."""
        p = partition(self.runtime.inbox, self._shop)
        return drain_partition(self.runtime, products.area.handlers, "products", p, 0)

    def open(self) -> int:
        """Webhooks that are not settled."""
        raw = self.runtime.inbox.client.hgetall(self.runtime.inbox.keys.of("counts"))
        counts = {name.decode(): int(n) for name, n in raw.items()}
        settled = counts.get("done:products", 0) + counts.get("superseded:products", 0)
        return counts.get("accepted:products", 0) - settled

    def _arrival(self, body: Mapping[str, Any], on_its_way_ms: int) -> Arrival:
        raw = json.dumps(body).encode()
        mac = hashlib.sha256(raw).digest()
        triggered_ms = round(self._clock.time() * 1000) - on_its_way_ms
        return Arrival(
            self._shop, mac.hex(), "products/update", "products", destructive=False,
            mac=mac, body=raw, triggered_ms=triggered_ms,
        )  # fmt: skip

    def close(self) -> None:
        for services in self.runtime.services.made():
            services.close()
        self.runtime.connections.close()
