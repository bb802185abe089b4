"""Bytes of Redis for each webhook, by the size of its payload: waiting, and settled."""

from dataclasses import dataclass, replace

from tests.bench import bodies, memory
from tests.bench.avnu_system import Avnu
from tests.bench.bodies import Body
from tests.bench.deliveries import render, requests, spread_over

SIZES = (1_000, 3_000, 10_000, 50_000)
SHOPS = 200
MOST_WEBHOOKS = 20_000
MOST_BYTES = 150_000_000


@dataclass(frozen=True)
class Weight:
    """One size of payload; bytes of used_memory per webhook, as `memory.py` weighs them."""

    payload_bytes: int
    webhooks: int
    waiting_bytes: float
    settled_bytes: float


def measure(size: int) -> Weight:
    """Weigh webhooks of ``size`` bytes each, of 200 shops."""
    count = min(MOST_WEBHOOKS, MOST_BYTES // size)
    body = padded(lighter_than(size), size)
    sent = [one.request for one in render(count, spread_over(SHOPS), f"weigh {size}", body)]
    kept = memory.measure(Avnu(), requests(500, SHOPS, "weights warm-up"), sent)
    return Weight(size, count, kept.waiting_bytes, kept.settled_bytes)


def padded(body: Body, size: int) -> Body:
    """The payload with a field more, which makes it ``size`` bytes long when it is sent."""
    missing = size - length(body) - len(',"padding":""')
    template = body.template.removesuffix(b"}") + b',"padding":"%s"}' % (b"x" * missing)
    return replace(body, template=template)


def length(body: Body) -> int:
    """Bytes of the payload as it is sent."""
    return len(body.render(spread_over(SHOPS)(0), 10**12))


def lighter_than(size: int) -> Body:
    """A product, or where that is too large already, the stock of one item."""
    product, level = bodies.product(), bodies.of_other_areas()[1]
    return product if length(product) + 100 < size else level
