"""Days of a whole marketplace on a real stack, and what its copy says at the end."""

import asyncio
import random
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Self

import msgspec

from avnu.app import create_app
from avnu.clock import SystemClock
from avnu.reconcile.starting import compare_all, uncompared
from avnu.reconcile.watermarks import make_rows, time_of
from avnu.sandbox import Courier, Habits, Ledger, Mischief, plan
from avnu.sandbox.admin import AdminSandbox, World
from avnu.sandbox.delivery import SHOPIFYS_OWN, Delivery
from avnu.sandbox.differences import Difference, differences
from avnu.sandbox.shops import Sizes
from avnu.sandbox.store import FIRST_DAY
from avnu.secret import Secret
from avnu.store.database import Store
from tests.support.deliveries import SECRET
from tests.support.programs import Worker
from tests.support.shopify_stack import CLIENT_ID, install
from tests.support.stack import Stack
from tests.support.waiting import wait_until

# One slice after another is published while comparisons go on, and Shopify may be slow on a busy
# machine: what waits for either is no fault here.
SETTINGS = {
    "RECONCILE_EVERY_SECONDS": "1",
    "RECONCILE_OPEN": "2000",
    "LOG_LEVEL": "INFO",
}

# A tenth twice, a tenth out of order, a twentieth never, and some of the rest up to a day late.
ROUGH = Mischief(duplicates=0.1, shuffled=0.1, dropped=0.05, late=0.05)


class Days(msgspec.Struct, frozen=True, kw_only=True):
    """What is played."""

    seed: int
    shops: int = 50
    days: int = 2
    deliveries: int
    sizes: Sizes

    def world(self) -> World:
        """All shops on the last evening."""
        return World.played(
            self.seed, self.shops, self.deliveries, sizes=self.sizes, days=self.days
        )

    def plan(self, mischief: Mischief = ROUGH) -> list[Delivery]:
        """What Shopify sends."""
        return plan(
            self.seed, self.shops, self.deliveries, mischief, FIRST_DAY,
            sizes=self.sizes, days=self.days,
        )  # fmt: skip


@contextmanager
def played(days: Days) -> Iterator[tuple[World, AdminSandbox]]:
    """The world, and its Admin API. The largest shops are on the plan of such."""
    world = days.world()
    with AdminSandbox(
        world, SystemClock(), client_id=CLIENT_ID, client_secret=Secret(SECRET.decode())
    ) as sandbox:
        for domain in world.domains[:3]:
            sandbox.change(domain, plan="enterprise")
        yield world, sandbox


class Marketplace:
    """Receiver and two workers with the real handlers, and faults while webhooks come."""

    def __init__(self, stack: Stack, world: World, sandbox: AdminSandbox, seed: int) -> None:
        self._stack = stack
        self._world = world
        self._sandbox = sandbox
        self._chance = random.Random(seed)
        self._progress = 0.0
        self._app = create_app(stack.settings)
        self.store = Store(stack.settings.database_url)
        self.receiver = stack.receiver()
        self.workers = [self._worker(name) for name in ("one", "two")]

    def _worker(self, name: str) -> Worker:
        worker = Worker(name, self._stack.folder, self._stack.environ(), app="avnu")
        self._stack._programs.append(worker)
        return worker

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()

    def open(self, delivered: Iterable[Delivery]) -> None:
        """The shops install the app, and all programs run; those that left are gone already."""
        named = {one.shop for one in delivered if one.kind in SHOPIFYS_OWN}
        self.shops = sorted(named & set(self._world.domains))
        install(self._stack, self._sandbox, [one.partition(".")[0] for one in self.shops])
        for domain in self._world.left & named:
            self._sandbox.change(domain, uninstalled=True)
        for program in (self.receiver, *self.workers):
            program.launch()
        for program in (self.receiver, *self.workers):
            program.wait_ready()

    def deliver(self, deliveries: list[Delivery]) -> Ledger:
        """Everything, while both workers are killed and Redis is restarted once."""
        courier = Courier(
            f"{self.receiver.url}/webhooks/shopify", SECRET.decode(), SystemClock(),
            Habits(concurrency=8, compression=1200.0),
        )  # fmt: skip

        def noted(over: int, total: int) -> None:
            self._progress = over / total

        # Faults from this thread: what a thread has started ends with it.
        with ThreadPoolExecutor(1) as beside:
            ledger = beside.submit(asyncio.run, courier.deliver_async(deliveries, noted))
            self._harm(ledger.done)
            return ledger.result()

    def _harm(self, over: Callable[[], bool]) -> None:
        acts: list[Callable[[], object]] = [
            lambda: self._kill(self.workers[0]),
            lambda: self._kill(self.workers[1]),
            self._restart_redis,
        ]
        self._chance.shuffle(acts)
        for number, act in enumerate(acts):
            moment = self._chance.uniform(0.1, 0.35) + 0.3 * number
            while self._progress < moment and not over():
                time.sleep(0.02)
            act()

    def _kill(self, worker: Worker) -> None:
        worker.signal_all(signal.SIGKILL)
        worker.wait()
        worker.start()

    def _restart_redis(self) -> None:
        self._stack.server.restart()
        # The test's own connections have ended too.
        self._stack.client.connection_pool.disconnect()

    def drain(self, within_s: float) -> None:
        """Nothing is open any more."""
        self._stack._wait(self._stack._calm, within_s, "everything is settled or dead")

    def reconcile(self, within_s: float) -> None:
        """Each resource of each shop is compared once more, deletes too, and all is settled."""
        self._ask_again()
        wait_until(self._all_compared, within_s, "every comparison has come to its end")
        self.drain(within_s)

    def _ask_again(self) -> None:
        with self.store.writing() as connection:
            now = time_of(connection)
            make_rows(connection, self.shops, now, lambda: now)
        compare_all(self.store)

    def _all_compared(self) -> bool:
        """Beat's part is played here: it says every second that there may be something to begin."""
        self._app.send_task("tasks.maintenance.reconcile")
        return uncompared(self.store) == 0

    def differences(self) -> list[Difference]:
        """What the copy says otherwise, of shops that have the app."""
        there = [
            self._world.shop(domain) for domain in self.shops if domain not in self._world.left
        ]
        return list(differences(self.store, there))
