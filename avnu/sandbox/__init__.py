"""The sandbox: a development store that sends webhooks as Shopify does, over real HTTP.

``plan()`` makes a day of webhooks, with mischief, from a seed; ``Courier`` carries it to a
receiver and returns a ``Ledger`` of what was sent and answered; ``Reckoning`` reads from the
ledger what the receiver must have counted and must hold. ``trigger()`` makes a single webhook.

    deliveries = plan(seed=7, shops=25, deliveries=3000, mischief=ALL_MISCHIEF)
    ledger = Courier(url, secret, SystemClock()).deliver(deliveries)
    Reckoning(ledger).expected().accepted

Where to look: who the shops are, ``shops.py``; what happens in them, ``stories``; what bodies
look like, ``catalog.py``, ``orders.py``, ``extras.py``; what a shop has in the end, ``state.py``
and ``truth.py``; what goes wrong, ``mischief.py``.
"""

from avnu.sandbox.courier import Courier, Habits
from avnu.sandbox.delivery import Delivery, DeliveryKind
from avnu.sandbox.ledger import Ledger
from avnu.sandbox.mischief import ALL_MISCHIEF, NO_MISCHIEF, Mischief
from avnu.sandbox.plan import plan
from avnu.sandbox.reckoning import Expected, Reckoning
from avnu.sandbox.request import Family, sign
from avnu.sandbox.shops import Sizes
from avnu.sandbox.store import PlayedDay, Store
from avnu.sandbox.trigger import trigger

__all__ = [
    "ALL_MISCHIEF",
    "NO_MISCHIEF",
    "Courier",
    "Delivery",
    "DeliveryKind",
    "Expected",
    "Family",
    "Habits",
    "Ledger",
    "Mischief",
    "PlayedDay",
    "Reckoning",
    "Sizes",
    "Store",
    "plan",
    "sign",
    "trigger",
]
