"""The demo's last act: Shopify is asked what never came, and the copy compared with the shops."""

from collections.abc import Iterable

from sqlalchemy import func, select, update

from avnu.cli.sandbox_asked import ask_sandbox
from avnu.reconcile.watermarks import LONG_AGO, make_rows, time_of
from avnu.sandbox.admin import World
from avnu.sandbox.differences import Difference, differences
from avnu.sandbox.shops import Sizes, make_shops
from avnu.sandbox.store import FIRST_DAY, played
from avnu.settings import Settings
from avnu.store.columns import instant
from avnu.store.database import Store
from avnu.store.shops import Status
from avnu.store.tables import shops, watermarks


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
        made = make_shops(seed, shops, sizes)
        self._left = frozenset(played(seed, made, FIRST_DAY, deliveries).left)
        self._installed: list[str] = []

    def begin(self, store: Store, domains: Iterable[str]) -> list[str]:
        """Before the shops install the app: nothing older than the day is to be compared."""
        self._installed = list(dict.fromkeys(domains))
        with store.writing() as connection:
            now = time_of(connection)
            make_rows(connection, self._installed, now, lambda: now.replace(year=now.year + 1))
            connection.execute(update(watermarks).values(since=instant(FIRST_DAY)))
        return self._installed

    def let_leave(self) -> None:
        """The shops that remove the app in the course of the day: their tokens are dead."""
        for domain in self._left.intersection(self._installed):
            url = f"{self._settings.shopify_admin_origin}/sandbox/shops/{domain}"
            ask_sandbox("POST", url, {"uninstalled": True})

    def ask_again(self, store: Store) -> None:
        """Each resource of each shop is due to be compared, deletes too."""
        with store.writing() as connection:
            now = time_of(connection)
            connection.execute(
                update(watermarks).values(due_at=now, swept_at=LONG_AGO, ended_at=None)
            )

    def is_compared(self, store: Store) -> bool:
        """Whether all that are installed were."""
        row = watermarks.c
        left = (
            select(func.count())
            .select_from(watermarks.join(shops, shops.c.domain == row.shop))
            .where(shops.c.status == Status.INSTALLED.value, row.ended_at.is_(None))
        )
        with store.reading() as connection:
            return not connection.execute(left).scalar_one()

    def differences(self, store: Store) -> list[Difference]:
        """What the copy says otherwise, of the shops that have the app in the end."""
        seed, number, deliveries = self._day
        world = World.played(seed, number, deliveries, sizes=self._sizes)
        there = [world.shop(domain) for domain in self._installed if domain not in self._left]
        return list(differences(store, there, FIRST_DAY))
