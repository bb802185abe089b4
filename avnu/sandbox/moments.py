"""When Shopify triggered a webhook, as its header says.

The played day lies in the past, and is delivered in minutes. So a webhook that is not late says
the moment of its first attempt, and a late one lies by its lateness before that; a repetition, of
whatever kind, says what the first said.
"""

from avnu.clock import Clock
from avnu.sandbox.delivery import Delivery
from avnu.sandbox.encoding import triggered_at


class Moments:
    """The header's values of one round. ``planned``: those of the played day instead."""

    def __init__(self, clock: Clock, *, planned: bool = False) -> None:
        self._clock = clock
        self._planned = planned
        self._said: dict[tuple[str, str], str] = {}

    def of(self, delivery: Delivery) -> str:
        """The value for an attempt of this delivery that is made now."""
        if self._planned:
            return delivery.triggered_at
        webhook = delivery.shop, delivery.webhook_id
        if webhook not in self._said:
            self._said[webhook] = triggered_at(self._clock.time() - delivery.late_s)
        return self._said[webhook]
