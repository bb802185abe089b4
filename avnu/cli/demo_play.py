"""What happens in the demo: deliveries, a killed worker in their midst, the inbox draining."""

import asyncio
import signal
import sys
from collections.abc import Sequence

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)

from avnu.cli.demo_stage import Stage
from avnu.cli.output import console
from avnu.clock import Clock
from avnu.inbox import Inbox
from avnu.inbox.overview import AreaState, overview
from avnu.reconcile.starting import compare_all, uncompared
from avnu.sandbox import Courier, Delivery, Family, Habits, Ledger
from avnu.settings import Settings
from avnu.store.database import Store

_CONNECTIONS = 16
# Of the deliveries: the worker is killed after the first share, busy or not after the second.
_KILL_FROM, _KILL_BY = 0.35, 0.7
_LOOK_S = 0.01
_DRAINED_S = 45.0
_COMPARED_S = 120.0
_BAR_EVERY_S = 0.1


class Play:
    """One demo, from the first delivery until nothing is open; used as a context.

    ``held`` says how many webhooks the worker had in hand when it was killed.
    """

    def __init__(self, stage: Stage, settings: Settings, clock: Clock) -> None:
        self.held = 0
        self._killed = False
        self._stage = stage
        self._over = 0.0
        self._courier = Courier(
            f"http://{settings.avnu_host}:{settings.avnu_port}/webhooks/shopify",
            settings.shopify_api_secret.reveal(),
            clock,
            Habits(concurrency=_CONNECTIONS, family=Family.MIXED),
        )
        self.bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console(sys.stderr),
            disable=not sys.stderr.isatty(),
        )
        self._delivered = self.bar.add_task("delivered", total=None)
        self._settled = self.bar.add_task("settled", total=None)

    async def perform(self, planned: Sequence[Delivery]) -> Ledger:
        """Deliver everything, and kill the worker meanwhile."""
        self.bar.console.print(f"delivering {len(planned):,} requests …")
        aside = asyncio.create_task(self._kill_in_the_middle())
        moving = asyncio.create_task(self._move_the_bar())
        try:
            ledger = await self._courier.deliver_async(planned, self._note)
            await aside
        finally:
            for task in (aside, moving):
                task.cancel()
            await asyncio.gather(aside, moving, return_exceptions=True)
        return ledger

    def wait_until_drained(self) -> None:
        """Returns once nothing is open but what is dead; a shop that parks here does so briefly."""
        self.bar.console.print("waiting until the inbox is empty …")

        def drained() -> bool:
            areas = overview(self._stage.inbox).areas
            self._show(areas)
            return all(area.backlog == 0 for area in areas)

        self._stage.wait_for(drained, _DRAINED_S, "the inbox was empty")

    def reconcile(self, store: Store) -> None:
        """Returns once Shopify was asked for what never came, and that is settled too."""
        self.bar.console.print("asking Shopify what never came …")
        compare_all(store)
        self._stage.wait_for(lambda: uncompared(store) == 0, _COMPARED_S, "all shops were compared")
        self.wait_until_drained()

    def _note(self, over: int, total: int) -> None:
        self._over = over / total
        self.bar.update(self._delivered, completed=over, total=total)

    def _show(self, areas: Sequence[AreaState]) -> None:
        settled = sum(area.done + area.superseded for area in areas)
        self.bar.update(
            self._settled, completed=settled, total=settled + sum(area.backlog for area in areas)
        )

    async def _move_the_bar(self) -> None:
        while not self.bar.disable:
            self._show((await asyncio.to_thread(overview, self._stage.inbox)).areas)
            await asyncio.sleep(_BAR_EVERY_S)

    async def _kill_in_the_middle(self) -> None:
        """Kill the worker while it has webhooks in hand, and start another."""
        while not self._killed:
            await asyncio.sleep(_LOOK_S)
            if self._over >= _KILL_FROM:
                self._kill_if_busy(at_once=self._over >= _KILL_BY)
        self._stage.forget_worker()
        self._stage.start_worker()
        self.bar.console.print(
            f"killed the worker (-9) with {self.held} webhooks in hand; another one starts"
        )

    def _kill_if_busy(self, at_once: bool) -> None:
        """Freeze, look, kill: frozen, it cannot finish its work between the look and the kill."""
        worker = self._stage.worker
        worker.signal_family(signal.SIGSTOP)
        try:
            self.held = in_hand(self._stage.inbox)
            self._killed = self.held > 0 or at_once
        finally:
            if not self._killed:
                worker.signal_family(signal.SIGCONT)
        if self._killed:
            worker.kill()


def in_hand(inbox: Inbox) -> int:
    """How many webhooks are leased to workers now: in batches, and alone."""
    of = inbox.keys.of
    parts = [part.decode() for part in inbox.client.smembers(of("work"))]
    with inbox.client.pipeline(transaction=False) as pipe:
        for part in parts:
            pipe.hget(of("part", part), "batch")
        pipe.zcard(of("running"))
        batches: list[bytes | None]
        alone: int
        *batches, alone = pipe.execute()
    return alone + sum(batch.count(b"\n") for batch in batches if batch)
