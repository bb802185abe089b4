"""One step of a run: look at a page, put in what differs, note how far it is, in that order.

Killed in between, the page is looked at again: what was put in already is known by its id.
"""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from avnu.clock import Clock
from avnu.inbox import Inbox
from avnu.reconcile.letters import letters
from avnu.reconcile.looking import Found, look_for_changes, look_for_deletes, swept_from
from avnu.reconcile.posting import Posting
from avnu.reconcile.resources import RESOURCES, Reconciled
from avnu.reconcile.watermarks import CHANGED, SWEEP, Watermark, Watermarks
from avnu.services import Services
from avnu.settings import Settings
from avnu.store.shops import Shops
from avnu.webhook import Shop

# For the calls of one page. A task may take longer than a handler, but not by much.
_PAGE_S = 30.0
# ± share of the interval: shops that were installed at one time part from each other.
_SPREAD = 0.2


class Steps:
    """Takes steps for any shop. ``services`` gives the process' own; ``chance`` is for jitter."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        chance: random.Random,
        inbox: Inbox,
        services: Callable[[], Services],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._chance = chance
        self._services = services
        self._posting = Posting(inbox, settings.reconcile_open)
        self._page_s = min(_PAGE_S, settings.inbox_handler_seconds)
        self.marks = Watermarks(services().store, settings.reconcile_overlap_seconds)

    def step(self, mark: Watermark, grace_s: float) -> Watermark | None:
        """The row after one more page; its run is over when ``run_at`` is empty.

        ``grace_s``: what changed so shortly before the run is left out. None: the row is another's
        by now. Raises what makes the run wait (a Park, InboxUnavailable), and CallRefused.
        """
        resource, shop = RESOURCES[mark.resource], self.shop(mark.shop)
        assert mark.run_at is not None
        self._posting.require_room(mark.shop, resource.changed.area)
        if mark.phase == CHANGED:
            importing, left_from = mark.since is None, _left_from(mark, grace_s)
            found = look_for_changes(shop, resource, mark.asked_from, mark.cursor, left_from)
        else:
            importing = mark.swept_at is None
            created_since = self.swept_from(shop.domain, resource, mark.run_at)
            found = look_for_deletes(shop, resource, mark.cursor, created_since)
        told = letters(mark.shop, resource, found, importing=importing)
        self._posting.post(told, run=f"{mark.run_at:%Y%m%dT%H%M%S%f}")
        return self._note(mark, found)

    def shop(self, domain: str) -> Shop:
        """The shop, for the calls of one page."""
        until_s = self._clock.monotonic() + self._page_s
        return Shop(domain, self._clock, until_s, self._services)

    def swept_from(self, domain: str, resource: Reconciled, now: datetime) -> datetime | None:
        """Since when a resource must have been created for its absence to mean a delete."""
        scopes = Shops(self._services().store, self._clock).get(domain).scopes
        return swept_from(resource, scopes, now)

    def next_s(self) -> float:
        """When the next run is due."""
        interval_s = self._settings.reconcile_interval_seconds
        return interval_s * self._chance.uniform(1 - _SPREAD, 1 + _SPREAD)

    def _note(self, mark: Watermark, found: Found) -> Watermark | None:
        values: dict[str, Any] = {
            "cursor": found.after,
            "looked": mark.looked + found.looked,
            "differing": mark.differing + len(found.differing),
            "in_doubt": mark.in_doubt + len(found.in_doubt),
            "gone": mark.gone + len(found.gone),
        }
        if found.after is not None:
            return self.marks.save(mark, **values)
        if mark.phase == SWEEP:
            return self.marks.end(mark, self.next_s(), **values, swept_at=mark.run_at)
        if mark.covers(mark.since):
            values["since"] = mark.run_at
        if self._is_to_be_swept(mark):
            return self.marks.save(mark, **values, phase=SWEEP)
        return self.marks.end(mark, self.next_s(), **values)

    def _is_to_be_swept(self, mark: Watermark) -> bool:
        every = timedelta(seconds=self._settings.reconcile_sweep_seconds)
        return mark.swept_at is None or mark.run_at is None or mark.swept_at + every <= mark.run_at


def _left_from(mark: Watermark, grace_s: float) -> datetime | None:
    """Nothing is left out where everything is asked for: no webhook is on its way for it."""
    if mark.asked_from is None or mark.run_at is None:
        return None
    return mark.run_at - timedelta(seconds=grace_s)
