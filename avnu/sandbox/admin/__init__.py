"""The sandbox's Admin API: a small Shopify that is asked over real HTTP, and misbehaves on demand.

    world = World.played(seed=7, shops=25, deliveries=3000)     # or World(make_shops(7, 25))
    with AdminSandbox(world, SystemClock()) as sandbox:
        sandbox.origin                                          # "http://127.0.0.1:40123"

**The shop is named by the Host header**: connect to ``origin``, send ``Host: <shop>``.

* ``AdminSandbox(world, clock, *, client_id, client_secret, rng, host, port, token_life_s,
  most_seen)``: ``origin``, ``port``, ``weather``, ``tokens``, ``bucket(shop)``, ``standing(shop)``,
  ``change(shop, plan=, frozen=, locked=, uninstalled=)``, ``report()``, ``seen``; a context
  manager, or ``start()`` and ``close()``.
* ``sandbox.weather``: ``set(name, shop=, times=, probability=, on=, seconds=, most_seconds=,
  text=)``, ``clear(shop=None)``, ``release()``, ``rules()``. The names are in ``faults.py``.
* ``sandbox.tokens``: ``issue(shop, expiring=True)``, ``expire(shop)``, ``revoke(shop)``,
  ``is_good(shop, access_token)``, ``token_life_s``.
* ``World(shops, strict=False)``, ``World.played(seed, shops, deliveries, start, sizes=, days=)``,
  ``world.left`` (the domains of shops that have no app in the end); ``world.shop(domain)`` has
  ``truth(since=None)`` (everything, as bodies of webhooks: ``products()``, ``items()``,
  ``levels()``, ``locations()``, ``orders()``, ``deleted``), ``product(number)``,
  ``edit(number, at, positions=None)``, ``delete(number)``, ``remember(topic, body)`` (anything else
  that happens and that no webhook need tell), ``numbers()``, ``product_ids()``, ``quantity(item_id,
  location_id)``, ``state``, ``subscriptions``.

Endpoints: ``POST /admin/api/<version>/graphql.json``, ``POST /admin/oauth/access_token``,
``POST /sandbox/day``, ``GET|POST /sandbox/weather``, ``GET /sandbox/report``,
``GET|POST /sandbox/shops/<domain>``, ``GET /sandbox/healthz``.

Where to look: what may be asked, ``schema.graphql`` and ``schema.py``; what it costs, ``cost.py``
and ``bucket.py``; who may ask, ``tokens.py``; what goes wrong, ``faults.py`` and ``weather.py``;
what there is, ``world.py``; how it is sent, ``wire.py``.
"""

from avnu.sandbox.admin.bucket import LIMITS, Bucket
from avnu.sandbox.admin.faults import FAULTS
from avnu.sandbox.admin.server import CLIENT_ID, CLIENT_SECRET, AdminSandbox
from avnu.sandbox.admin.tally import Seen
from avnu.sandbox.admin.tenants import Standing
from avnu.sandbox.admin.tokens import Issued, TokenDesk
from avnu.sandbox.admin.weather import UnknownFault, Weather
from avnu.sandbox.admin.world import World

__all__ = [
    "CLIENT_ID",
    "CLIENT_SECRET",
    "FAULTS",
    "LIMITS",
    "AdminSandbox",
    "Bucket",
    "Issued",
    "Seen",
    "Standing",
    "TokenDesk",
    "UnknownFault",
    "Weather",
    "World",
]
