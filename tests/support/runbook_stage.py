"""A small deployment that a runbook's commands are tried on: put into the state they speak of."""

import contextlib
import json
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Self

from avnu.inbox.arrival import Arrival
from avnu.inbox.queries import find_one
from avnu.sandbox.admin import AdminSandbox
from tests.support.command import Run, runner
from tests.support.compliance import CUSTOMER, request
from tests.support.inbox import arrival
from tests.support.programs import Receiver, Worker
from tests.support.shopify_stack import calling, install
from tests.support.stack import Stack
from tests.support.waiting import wait_until

SHOP = "acme.myshopify.com"
# As the documents name them.
DONE = "7d1f5c7e-5f0f-4c8e-9f4e-2a6b1d0c9e11"
DEAD = "b81a4e0c-3f6d-4f0e-9c55-0d2b6c6b7a11"
PARKED = "0c9a7d52-6a2f-4a34-8a53-7c1a5e3b9f01"
ASKED = "3f0c2f4a-8b1d-4e0a-b7a9-51d3c1a0e722"
SOON_S = 40.0


class Stage:
    """Redis, receiver, worker and a sandbox with one shop. Used with ``with``."""

    #: In the order in which going through them costs least.
    STATES: tuple[str, ...] = (
        *("quiet", "compliance", "dead", "dead-again", "flood", "outage"),
        *("redis-full", "redis-down"),
    )

    def __init__(self, folder: Path, sandbox: AdminSandbox) -> None:
        self.folder = folder
        self.stack = Stack(folder, 1, {
            **calling(sandbox),
            "COMPLIANCE_EXPORT_DIR": str(folder / "exports"),
            "INBOX_LEASE_SECONDS": "30",  # longer than a worker is frozen here
            "MONITOR_REDIS_MS": "1000",  # other tests keep this machine busy
        })  # fmt: skip
        self._sandbox = sandbox
        self._now = ExitStack()
        self._state = ""
        environ = self.stack.environ()
        self.worker = Worker("avnu", folder, environ, app="avnu")
        self.receiver = Receiver("receiver", folder, environ)
        self.avnu: Run = runner({**environ, "AVNU_PORT": str(self.receiver.port)})

    def __enter__(self) -> Self:
        install(self.stack, self._sandbox, ["acme"])
        (self.folder / "body.json").write_text('{"id":1}')
        self.worker.launch()
        self.receiver.start()
        self.worker.wait_ready()
        self._settle(products(DONE))
        return self

    def __exit__(self, *_: object) -> None:
        self._now.close()
        self.worker.close()
        self.receiver.close()
        self.stack.close()

    def enter(self, state: str) -> None:
        """Be in ``state``; what another one needed is undone."""
        if state == self._state:
            return
        self._now.close()
        self._state = state
        makers: dict[str, Callable[[], AbstractContextManager[None]]] = {
            "quiet": contextlib.nullcontext,
            "compliance": self._compliance,
            "dead": self._dead,
            "dead-again": self._dead,
            "flood": self._flood,
            "outage": self._outage,
            "redis-full": self._redis_full,
            "redis-down": self._redis_down,
        }
        self._now.enter_context(makers[state]())

    @contextmanager
    def _compliance(self) -> Iterator[None]:
        self._settle(request(ASKED, "customers/data_request", SHOP, customer=CUSTOMER,
                             orders_requested=[], data_request={"id": 1}))  # fmt: skip
        yield

    @contextmanager
    def _dead(self) -> Iterator[None]:
        """Known already when it was replayed: then it comes to the same end."""
        self._accept(arrival(DEAD, SHOP, "products/update", "products", body=b"not json"))
        self._wait_for(DEAD, "dead")
        yield

    @contextmanager
    def _flood(self) -> Iterator[None]:
        """The worker is frozen, so that what waits is still there when it is looked at."""
        self.worker.signal_all(signal.SIGSTOP)
        self._accept(*(products(f"flood-{n}", 100 + n) for n in range(60)))
        yield
        self.worker.signal_all(signal.SIGCONT)
        wait_until(lambda: self.stack.open() == 0, SOON_S, "the flood is over")

    @contextmanager
    def _outage(self) -> Iterator[None]:
        assert self.avnu("breaker", "open").exit_code == 0
        self._accept(products(PARKED, 900))
        self._wait_for(PARKED, "parked")
        yield
        self.avnu("breaker", "auto")

    @contextmanager
    def _redis_full(self) -> Iterator[None]:
        used = int(self.stack.client.info("memory")["used_memory"])
        self.stack.client.config_set("maxmemory", int(used / 0.92))
        wait_until(lambda: b"yes" in self.avnu("status").stdout_bytes.splitlines()[-1],
                   SOON_S, "the tick has noted that the inbox is full")  # fmt: skip
        yield
        self.stack.client.config_set("maxmemory", 0)

    @contextmanager
    def _redis_down(self) -> Iterator[None]:
        self.stack.server.kill()
        yield
        self.stack.server.start()

    def _accept(self, *arrivals: Arrival) -> None:
        self.stack.inbox.accept(arrivals)

    def _settle(self, one: Arrival) -> None:
        self._accept(one)
        self._wait_for(one.webhook_id, "done")

    def _wait_for(self, webhook_id: str, state: str) -> None:
        def found() -> bool:
            one = find_one(self.stack.inbox, SHOP, webhook_id)
            return one is not None and one.state == state

        wait_until(found, SOON_S, f"{webhook_id} is {state}")


def products(webhook_id: str, number: int = 1) -> Arrival:
    """A change of a product that Shopify is asked about, as the body holds its id alone."""
    body = {"id": number, "admin_graphql_api_id": f"gid://shopify/Product/{number}"}
    return arrival(webhook_id, SHOP, "products/update", "products", body=json.dumps(body).encode())
