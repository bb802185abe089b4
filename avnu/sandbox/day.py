"""Days in the sandbox's shops: what happens, in which shop, and the webhooks it makes.

A day is made of *stories* (a bulk edit, an order's life, a stock count). A story lays its
webhooks on the day as *steps*; when all are laid they are put in order of time and only then
written out, so every body shows its resource as it was at that moment.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import msgspec

from avnu.sandbox.chance import chance
from avnu.sandbox.encoding import Payload, encode, steady_id
from avnu.sandbox.remembering import remember
from avnu.sandbox.shops import SandboxShop
from avnu.sandbox.state import ShopState

DAY_S = 86_400


class Event(msgspec.Struct, frozen=True):
    """One webhook as Shopify triggers it: a topic, a shop, and the bytes that will be signed."""

    shop: SandboxShop
    topic: str
    body: bytes
    at: float  # unix seconds
    event_id: str  # shared by all webhooks of one action of the merchant


class Step(msgspec.Struct, frozen=True):
    """One webhook to be: ``write`` is called when its time comes."""

    at: float
    order: int  # breaks ties, so that the day is the same each time
    shop: SandboxShop
    topic: str
    event: int
    write: Callable[[float], Payload]


class Day:
    """The stage that stories write on: shops, chance, and what each shop has.

    ``states`` is how the shops are when everything has been played, by domain.
    """

    def __init__(self, seed: int, shops: Sequence[SandboxShop], start: float) -> None:
        self.seed = seed
        self.shops = shops
        self.number = 0  # of the day that is being laid
        self.start = start  # of that day, unix seconds
        self.rng = chance(f"day:{seed}")
        self.steps: list[Step] = []
        self.states = {shop.domain: ShopState(shop) for shop in shops}
        self._weights = [shop.weight for shop in shops]
        self._absences: dict[str, tuple[float, float]] = {}
        self._numbers: Counter[str] = Counter()

    def any_shop(self) -> SandboxShop:
        """A shop, large ones more often."""
        return self.rng.choices(self.shops, self._weights)[0]

    def moment(self, earliest: float = 0.0, latest: float = 1.0) -> float:
        """Some time between two fractions of the day."""
        return self.start + DAY_S * self.rng.uniform(earliest, latest)

    def next_number(self, kind: str) -> int:
        """1, 2, 3 … for each ``kind``: order numbers, customers, new products."""
        self._numbers[kind] += 1
        return self._numbers[kind]

    def leave(self, shop: SandboxShop, since: float, until: float) -> None:
        """The shop has no app between the two times, so Shopify sends it nothing."""
        self._absences[shop.domain] = (since, until)

    def has_app(self, shop: SandboxShop, at: float) -> bool:
        """Whether the shop has the app at a time of this day."""
        since, until = self._absences.get(shop.domain, (0.0, 0.0))
        return not since < self._within(at) < until

    @property
    def left(self) -> list[str]:
        """The domains of the shops that have no app in the end."""
        return [domain for domain, (_, until) in self._absences.items() if until == math.inf]

    def end(self) -> None:
        """The next day begins."""
        self.number += 1
        self.start += DAY_S

    def lay(
        self,
        at: float,
        shop: SandboxShop,
        topic: str,
        write: Callable[[float], Payload],
        *,
        event: int | None = None,
        always: bool = False,
    ) -> int:
        """Put one webhook on the day and return its event; ``event`` joins an earlier one.

        Nothing is laid while the shop is without the app, unless ``always`` says so.
        """
        order = len(self.steps)
        event = order if event is None else event
        if always or self.has_app(shop, at):
            self.steps.append(Step(self._within(at), order, shop, topic, event, write))
        return event

    def play(self) -> Iterator[Event]:
        """All webhooks laid, in order of time, each body written at its time."""
        for step in sorted(self.steps, key=lambda step: (step.at, step.order)):
            payload = step.write(step.at)
            remember(self.states[step.shop.domain], step.topic, payload)
            event_id = _event_id(self.seed, step.event)
            yield Event(step.shop, step.topic, encode(payload), step.at, event_id)

    def _within(self, at: float) -> float:
        """What would happen after midnight happens in the last second."""
        return min(at, self.start + DAY_S - 1)


def _event_id(seed: int, event: int) -> str:
    """Written like a UUID."""
    text = f"{steady_id('event', seed, event):016x}{steady_id('event2', seed, event):016x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
