"""Live access tokens: given out, and refreshed before they end or after a 401.

``verdict.py`` decides what a stored token is good for, ``refreshing.py`` says how two refreshes of
one shop are kept apart, ``renewal.py`` makes one. While an old token lives, it is served to
everybody but the one who refreshes it, and to that one too if the exchange fails.
"""

import dataclasses
import logging
import math
import os
import random
import threading
from datetime import datetime

from cachetools import TTLCache

from avnu.clock import Clock
from avnu.errors import OutOfTime, ShopUnauthorised, ShopUninstalled, TokenUnavailable
from avnu.logs import about
from avnu.store.columns import instant
from avnu.store.database import Store
from avnu.store.pairs import ACCESS, AccessToken
from avnu.store.refreshing import Refreshing
from avnu.store.renewal import LEASE_S, Exchange, Held, Renewal
from avnu.store.shops import Status
from avnu.store.vault import Vault
from avnu.store.verdict import TokenRow, Verdict, is_alive, judge

_WAIT_S = 5.0
_KEPT_S = 30.0
_KEPT_MOST = 4096
_POLL_S = (0.02, 0.25)
_LATER_S = 5.0
# With less than this left no exchange is begun: most take a fraction of it, and one that takes its
# full 11 s still ends before the task's hard limit.
_ENOUGH_S = 2.0

_log = logging.getLogger(__name__)


class Tokens:
    """Give it one ``exchange`` and share it between threads; a process needs one.

    ``wait_s`` is how long a caller waits for another's refresh when there is nothing to serve.
    """

    def __init__(
        self,
        store: Store,
        vault: Vault,
        exchange: Exchange,
        clock: Clock,
        chance: random.Random,
        *,
        lease_s: float = LEASE_S,
        wait_s: float = _WAIT_S,
    ) -> None:
        self._refreshing = Refreshing(store, lease_s)
        self._renewal = Renewal(
            self._refreshing,
            vault,
            exchange,
            clock=clock,
            chance=chance,
            lease_s=lease_s,
        )
        self._vault = vault
        self._clock = clock
        self._chance = chance
        self._wait_s = wait_s
        self._kept: TTLCache[str, tuple[AccessToken, datetime | None]] = TTLCache(
            _KEPT_MOST, _KEPT_S, timer=clock.monotonic
        )
        self._kept_lock = threading.Lock()

    def get(self, shop: str, until_s: float = math.inf) -> AccessToken:
        """A token that lives, as far as is known; a new one if the stored one nears its end.

        Within 30 s of the last look it comes from memory. ``until_s``: when (monotonic) the
        caller's time is over; no exchange is begun shortly before. Raises UnknownShop;
        ShopUnauthorised when only the merchant can help, ShopUninstalled when they have removed
        the app; TokenUnavailable with the wait when asking again later will; TokenUnreadable;
        StoreUnavailable; OutOfTime.
        """
        with self._kept_lock:
            kept = self._kept.get(shop)
        if kept is not None:
            token, due_at = kept
            if due_at is None or self._now() < due_at:
                return token
        return self._live(shop, None, until_s)

    def refresh(self, shop: str, seen: AccessToken, until_s: float = math.inf) -> AccessToken:
        """Another token than ``seen``, to which Shopify has answered 401.

        Where somebody else has refreshed since, that one; so callers that saw the same 401 make
        one exchange. Raises what ``get`` raises.
        """
        self.forget(shop)
        return self._live(shop, seen, until_s)

    def forget(self, shop: str) -> None:
        """Look into the database next time: the shop was installed again, or uninstalled."""
        with self._kept_lock:
            self._kept.pop(shop, None)

    def reject(self, token: AccessToken, reason: str) -> None:
        """Shopify refuses this very token, a new one: note it, unless another has come since."""
        row = self._refreshing.look(token.shop)
        stored = self._open(row)
        if stored is not None and stored.secret == token.secret:
            self._refreshing.condemn(row, reason, self._now())
        self.forget(token.shop)

    def _live(self, shop: str, seen: AccessToken | None, until_s: float) -> AccessToken:
        enough_s, pause_s = self._clock.monotonic() + self._wait_s, _POLL_S[0]
        while True:
            token = self._try(shop, seen, until_s)
            if token is not None:
                return token
            now_s = self._clock.monotonic()
            if now_s >= enough_s:
                raise TokenUnavailable(shop, "another process is refreshing it", _LATER_S)
            if now_s >= until_s:
                raise OutOfTime
            self._clock.sleep(pause_s * self._chance.uniform(0.5, 1.0))
            pause_s = min(2 * pause_s, _POLL_S[1])

    def _try(self, shop: str, seen: AccessToken | None, until_s: float) -> AccessToken | None:
        """One look and what follows from it; None when another is at it and there is no token."""
        looked_s = self._clock.monotonic()
        row = self._refreshing.look(shop)
        stored = self._open(row)
        refused = seen is not None and stored is not None and stored.secret == seen.secret
        verdict = judge(row, self._now(), refused=refused)
        if verdict is Verdict.SERVE and stored is not None:
            return self._keep(stored, row.due_at)
        if verdict is Verdict.NEVER:
            raise self._never(row, refused=refused)
        if verdict is Verdict.LATER:
            wait_s = (row.after - row.now).total_seconds() if row.after else _LATER_S
            raise TokenUnavailable(shop, row.reason or "it was refreshed just now", wait_s)
        if until_s - looked_s < _ENOUGH_S:
            if stored is not None and is_alive(row, self._now(), refused=refused):
                return stored
            if verdict is Verdict.ASK:
                raise OutOfTime
        # The process is part of the name, as two that were forked may draw the same number.
        held = Held(row, f"{os.getpid()}-{self._chance.getrandbits(64):016x}", looked_s)
        if verdict is Verdict.ASK and self._refreshing.take(row, held.owner):
            return self._keep(*self._renewal.run(held, stored, refused=refused))
        return None

    def _never(self, row: TokenRow, *, refused: bool) -> ShopUnauthorised:
        if row.status is Status.UNINSTALLED:
            return ShopUninstalled(row.shop)
        if row.access is None:
            return ShopUnauthorised(row.shop, "no token was ever stored")
        if row.status is Status.UNAUTHORISED:
            return ShopUnauthorised(row.shop, row.reason)
        what = "Shopify refuses its token" if refused else "its token has expired"
        reason = f"{what}, and there is no refresh token; the merchant has to open the app"
        self._refreshing.condemn(row, reason, self._now())
        _log.warning("no token: %s", reason, extra=about(shop=row.shop))
        return ShopUnauthorised(row.shop, reason)

    def _open(self, row: TokenRow) -> AccessToken | None:
        if row.access is None:
            return None
        expires_s = None if row.expires_at is None else row.expires_at.timestamp()
        secret = self._vault.open(row.shop, ACCESS, row.access)
        return AccessToken(row.shop, secret, expires_s, frozen=row.status is Status.FROZEN)

    def _keep(self, token: AccessToken, due_at: datetime | None) -> AccessToken:
        # Revived once: who takes it from memory finds a shop that has a token.
        kept = dataclasses.replace(token, revived=False) if token.revived else token
        with self._kept_lock:
            self._kept[token.shop] = (kept, due_at)
        return token

    def _now(self) -> datetime:
        return instant(self._clock.time())
