"""``AdminSandbox``: the parts put together, listening on one port."""

import random
import threading
from typing import Any, Self

from avnu.clock import Clock
from avnu.sandbox.admin.bucket import Bucket
from avnu.sandbox.admin.control import Control
from avnu.sandbox.admin.documents import Documents
from avnu.sandbox.admin.graphql_endpoint import GraphqlEndpoint
from avnu.sandbox.admin.routing import Routing
from avnu.sandbox.admin.schema import admin_schema
from avnu.sandbox.admin.tally import Seen, Tally
from avnu.sandbox.admin.tenants import Change, Standing, Tenants
from avnu.sandbox.admin.token_endpoint import TokenEndpoint
from avnu.sandbox.admin.tokens import ACCESS_LIFE_S, TokenDesk
from avnu.sandbox.admin.weather import Weather
from avnu.sandbox.admin.wire import WireServer
from avnu.sandbox.admin.world import World
from avnu.secret import Secret

CLIENT_ID = "sandbox-client-id"
CLIENT_SECRET = "sandbox-client-secret"  # noqa: S105 - made up
_POLL_S = 0.01


class AdminSandbox:
    """A small Shopify on loopback; see the package.

    ``with AdminSandbox(world, clock) as sandbox``: it listens from the start, answers inside the
    block, and has ended all connections and threads after it. Buckets and tokens go by ``clock``;
    ``rng`` draws latencies, probabilities and tokens. ``port`` 0 is a free one.
    """

    def __init__(
        self,
        world: World,
        clock: Clock,
        *,
        client_id: str = CLIENT_ID,
        client_secret: Secret | None = None,
        rng: random.Random | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        token_life_s: float = ACCESS_LIFE_S,
        most_seen: int = 10_000,
    ) -> None:
        rng = rng or random.Random(0)  # noqa: S311 - nothing here is secret
        self.world = world
        self.weather = Weather(rng)
        self.tokens = TokenDesk(clock, rng, token_life_s)
        self._host = host
        self._tally = Tally(most_seen)
        self._tenants = Tenants(world, clock)
        self._control = Control(self._tally, self.weather, self._tenants, self.tokens)
        secret = client_secret or Secret(CLIENT_SECRET)
        schema = admin_schema()
        documents = Documents(schema)
        routing = Routing(
            documents=documents,
            graphql=GraphqlEndpoint(schema, documents, self._tenants, self.tokens, clock),
            tokens=TokenEndpoint(self.tokens, self._tenants, self._tally, client_id, secret),
            control=self._control,
            weather=self.weather,
            tally=self._tally,
        )
        self._server = WireServer(host, port, routing, clock)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_S,), name="sandbox-admin", daemon=True
        )

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def origin(self) -> str:
        """``http://127.0.0.1:40123``: what stands instead of ``https://<shop>``."""
        return f"http://{self._host}:{self.port}"

    def bucket(self, shop: str) -> Bucket:
        """The bucket of a shop; hold its ``lock`` to call it or to read several values."""
        return self._tenants.of(shop).bucket

    def standing(self, shop: str) -> Standing:
        """How a shop stands; change it with ``change``."""
        return self._tenants.of(shop).standing

    def change(
        self,
        shop: str,
        *,
        plan: str | None = None,
        frozen: bool | None = None,
        locked: bool | None = None,
        uninstalled: bool | None = None,
    ) -> Standing:
        """Change how a shop stands; raises ValueError for a plan that is none."""
        change = Change(plan=plan, frozen=frozen, locked=locked, uninstalled=uninstalled)
        return self._control.change(shop, change)

    def report(self) -> dict[str, Any]:
        """What ``GET /sandbox/report`` answers."""
        return self._tally.report()

    @property
    def seen(self) -> list[Seen]:
        """The last GraphQL calls that were answered, in the order of their answers."""
        return self._tally.seen()

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Answer what hangs, then end all connections and threads."""
        self.weather.clear()
        if self._thread.ident is None:
            self._server.server_close()
            return
        self._server.end()
        self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
