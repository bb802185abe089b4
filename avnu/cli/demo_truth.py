"""The demo's last act: Shopify is asked what never came, and the copy compared with the shops."""

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import update

from avnu.cli.sandbox_asked import ask_sandbox
from avnu.reconcile.watermarks import make_rows, time_of
from avnu.sandbox.admin import World
from avnu.sandbox.differences import Difference, differences
from avnu.sandbox.shops import Sizes
from avnu.sandbox.store import FIRST_DAY
from avnu.sandbox.store import Store as Sandbox
from avnu.settings import Settings
from avnu.store.columns import instant
from avnu.store.database import Store
from avnu.store.tables import watermarks

# No comparison begins by itself while the demo lasts.
_NOT_YET = timedelta(days=1)


class Truth:
    """What the shops of the demo's day are, and how the copy comes to say the same.

    The copy begins with the day: what was not changed since is not asked for, or a demo would take
    as long as an import. Everything raises StoreUnavailable.
    """

    def __init__(
        self, settings: Settings, *, seed: int, shops: int, deliveries: int, sizes: Sizes
    ) -> None:
        self._settings = settings
        self._day = (seed, shops, deliveries)
        self._sizes = sizes
        self._left = frozenset(Sandbox(seed, shops, sizes=sizes).left(deliveries))
        self._installed: list[str] = []

    def begin(self, store: Store, domains: Iterable[str]) -> list[str]:
        """Before the shops install the app: nothing older than the day is to be compared."""
        self._installed = list(dict.fromkeys(domains))
        with store.writing() as connection:
            now = time_of(connection)
            make_rows(connection, self._installed, now, lambda: now + _NOT_YET)
            connection.execute(update(watermarks).values(since=instant(FIRST_DAY)))
        return self._installed

    def let_leave(self) -> None:
        """The shops that remove the app in the course of the day: their tokens are dead."""
        for domain in self._left.intersection(self._installed):
            url = f"{self._settings.shopify_admin_origin}/sandbox/shops/{domain}"
            ask_sandbox("POST", url, {"uninstalled": True})

    def differences(self, store: Store) -> list[Difference]:
        """What the copy says otherwise, of the shops that have the app in the end."""
        seed, number, deliveries = self._day
        world = World.played(seed, number, deliveries, sizes=self._sizes)
        there = [world.shop(domain) for domain in self._installed if domain not in self._left]
        return list(differences(store, there, FIRST_DAY))
