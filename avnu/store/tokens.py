"""Live access tokens: given out, and refreshed before they end or after a 401.

How two refreshes of one shop are kept apart is told in ``refreshing.py``; when to refresh is
decided in ``verdict.py``. While an old token lives, it is served by everybody who does not hold the
lease, and also by the holder if the exchange fails.
"""

import logging
import os
import random
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from cachetools import TTLCache

from avnu.clock import Clock
from avnu.errors import (
    AvnuError,
    ShopUnauthorised,
    StoreUnavailable,
    TokenExchangeFailed,
    TokenRefused,
    TokenUnavailable,
)
from avnu.secret import Secret
from avnu.store.columns import instant
from avnu.store.database import Store
from avnu.store.pairs import ACCESS, REFRESH, AccessToken, TokenPair, columns_of
from avnu.store.refreshing import Refreshing
from avnu.store.shops import Status
from avnu.store.vault import Vault
from avnu.store.verdict import TokenRow, Verdict, is_alive, judge

Exchange = Callable[[str, Secret], TokenPair]
"""``exchange(shop, refresh_token)`` asks Shopify for a new pair, within EXCHANGE_MOST_S.

Raises TokenRefused when Shopify says that the token is of no more use, TokenExchangeFailed for
whatever else brings no pair. Neither message holds a token.
"""

LEASE_S = 25.0
EXCHANGE_MOST_S = 12.0  # less than half the lease: an answer finds it alive, and room to store

_WAIT_S = 5.0
_KEPT_S = 30.0
_KEPT_MOST = 4096
_POLL_S = (0.02, 0.25)
_AGAIN_S = 5.0  # after a failure, doubled by each further one in a row, and after a success
_AGAIN_MOST_S = 300.0
_REFUSED_AGAIN_S = 900.0
_STORE_TRIES = 3
_STORE_PAUSE_S = 0.5

_log = logging.getLogger(__name__)


class Tokens:
    """Give it one ``exchange`` and share it between threads; a process needs one.

    ``wait_s`` is how long a caller waits for another's refresh when there is nothing to serve.
    ``renewed(shop)`` is called after a pair was stored, to unpark a shop that waited for it.
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
        renewed: Callable[[str], None] = lambda _shop: None,
    ) -> None:
        self._refreshing = Refreshing(store, lease_s)
        self._vault = vault
        self._exchange = exchange
        self._clock = clock
        self._chance = chance
        self._lease_s = lease_s
        self._wait_s = wait_s
        self._renewed = renewed
        self._kept: TTLCache[str, tuple[AccessToken, datetime | None]] = TTLCache(
            _KEPT_MOST, _KEPT_S, timer=clock.monotonic
        )
        self._kept_lock = threading.Lock()

    def get(self, shop: str) -> AccessToken:
        """A token that lives, as far as is known; a new one if the stored one nears its end.

        Within 30 s of the last look it comes from memory. Raises UnknownShop; ShopUnauthorised
        when only the merchant can help; TokenUnavailable with the wait when asking again later
        will; TokenUnreadable; StoreUnavailable.
        """
        with self._kept_lock:
            kept = self._kept.get(shop)
        if kept is not None:
            token, due_at = kept
            if due_at is None or self._now() < due_at:
                return token
        return self._live(shop, seen=None)

    def refresh(self, shop: str, seen: AccessToken) -> AccessToken:
        """Another token than ``seen``, to which Shopify has answered 401.

        Where somebody else has refreshed since, that one; so callers that saw the same 401 make
        one exchange. Raises what ``get`` raises.
        """
        self.forget(shop)
        return self._live(shop, seen=seen)

    def forget(self, shop: str) -> None:
        """Look into the database next time: the shop was installed again, or uninstalled."""
        with self._kept_lock:
            self._kept.pop(shop, None)

    # ---- the way to a live token

    def _live(self, shop: str, seen: AccessToken | None) -> AccessToken:
        began_s, pause_s = self._clock.monotonic(), _POLL_S[0]
        while True:
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
                wait_s = (row.after - row.now).total_seconds() if row.after else _AGAIN_S
                raise TokenUnavailable(shop, row.reason or "it was refreshed just now", wait_s)
            if verdict is Verdict.ASK:
                owner = f"{os.getpid()}-{self._chance.getrandbits(64):016x}"
                if self._refreshing.take(row, owner):
                    return self._ask(row, owner, stored, refused=refused, since_s=looked_s)
            if self._clock.monotonic() - began_s >= self._wait_s:
                raise TokenUnavailable(shop, "another process is refreshing it", _AGAIN_S)
            self._clock.sleep(pause_s * self._chance.uniform(0.5, 1.0))
            pause_s = min(2 * pause_s, _POLL_S[1])

    def _ask(
        self,
        row: TokenRow,
        owner: str,
        stored: AccessToken | None,
        *,
        refused: bool,
        since_s: float,
    ) -> AccessToken:
        """Exchange, as the holder of the lease. Leaves no lease behind unless it is killed."""
        if row.owner is not None:
            _log.warning(
                "%s: a refresh was taken up by %s and not ended; asking again with the same "
                "refresh token",
                row.shop,
                row.owner,
            )
        try:
            pair = self._exchange(row.shop, self._refresh_token(row))
            return self._store_pair(row, owner, pair, since_s)
        except TokenExchangeFailed as fault:
            alive = stored if is_alive(row, self._now(), refused=refused) else None
            return self._failed(row, owner, fault, alive)
        except BaseException:
            self._let_go(row.shop, owner)
            raise

    def _store_pair(
        self, row: TokenRow, owner: str, pair: TokenPair, since_s: float
    ) -> AccessToken:
        now_s = self._clock.time()
        columns = columns_of(self._vault, row.shop, pair, now_s, self._chance)
        passed_s = self._clock.monotonic() - since_s
        again_after = row.now + timedelta(seconds=passed_s + _AGAIN_S)
        if not self._insist(
            lambda: self._refreshing.keep(row.shop, owner, columns, again_after, instant(now_s))
        ):
            # Reinstalled, uninstalled, or frozen for longer than the lease: what is stored counts.
            _log.warning("%s: a new pair came too late to be stored", row.shop)
            raise TokenUnavailable(row.shop, "its tokens were changed meanwhile", 1.0)
        _log.info("%s: token refreshed", row.shop)
        self._tell(row.shop)
        expires_s = None if pair.expires_in_s is None else now_s + pair.expires_in_s
        token = AccessToken(row.shop, pair.access, expires_s)
        return self._keep(token, columns["access_due_at"])

    def _failed(
        self, row: TokenRow, owner: str, fault: TokenExchangeFailed, alive: AccessToken | None
    ) -> AccessToken:
        """No pair: note it, and serve the old token if it lives."""
        refused = isinstance(fault, TokenRefused)
        wait_s = _REFUSED_AGAIN_S if refused else self._backoff_s(row.failures)
        reason = f"refresh failed: {fault}"
        if refused and row.owner is not None:
            reason += "; a refresh before it was cut short, and its pair is lost"
        # The wait counts from now, and an exchange that failed may have taken its whole time.
        now = self._refreshing.look(row.shop).now
        self._refreshing.note_failure(
            row,
            owner,
            again_after=now + timedelta(seconds=wait_s),
            reason=reason,
            unauthorised=refused and alive is None,
            now=self._now(),
        )
        _log.warning("%s: %s; asked again in %.0f s", row.shop, reason, wait_s)
        if alive is not None:
            return alive
        if refused:
            raise ShopUnauthorised(row.shop, reason) from fault
        raise TokenUnavailable(row.shop, reason, wait_s) from fault

    def _never(self, row: TokenRow, *, refused: bool) -> ShopUnauthorised:
        if row.status is Status.UNINSTALLED:
            return ShopUnauthorised(row.shop, "it has uninstalled the app")
        if row.access is None:
            return ShopUnauthorised(row.shop, "no token was ever stored")
        if row.status is Status.UNAUTHORISED:
            return ShopUnauthorised(row.shop, row.reason)
        what = "Shopify refuses its token" if refused else "its token has expired"
        reason = f"{what}, and there is no refresh token; the merchant has to open the app"
        self._refreshing.condemn(row, reason, self._now())
        _log.warning("%s: %s", row.shop, reason)
        return ShopUnauthorised(row.shop, reason)

    # ---- small things

    def _open(self, row: TokenRow) -> AccessToken | None:
        if row.access is None:
            return None
        expires_s = None if row.expires_at is None else row.expires_at.timestamp()
        return AccessToken(row.shop, self._vault.open(row.shop, ACCESS, row.access), expires_s)

    def _refresh_token(self, row: TokenRow) -> Secret:
        assert row.refresh is not None, "the verdict asks only with a refresh token"
        return self._vault.open(row.shop, REFRESH, row.refresh)

    def _keep(self, token: AccessToken, due_at: datetime | None) -> AccessToken:
        with self._kept_lock:
            self._kept[token.shop] = (token, due_at)
        return token

    def _insist(self, write: Callable[[], bool]) -> bool:
        """A new pair is worth a second and a third try, while the lease lasts anyway."""
        for _ in range(_STORE_TRIES - 1):
            try:
                return write()
            except StoreUnavailable as fault:
                _log.warning("a new pair is not stored yet: %s", fault)
                self._clock.sleep(_STORE_PAUSE_S)
        return write()

    def _let_go(self, shop: str, owner: str) -> None:
        try:
            self._refreshing.release(shop, owner)
        except AvnuError as fault:
            _log.warning("%s: the lease of a refresh ends by itself: %s", shop, fault)

    def _tell(self, shop: str) -> None:
        try:
            self._renewed(shop)
        except AvnuError as fault:
            _log.warning("%s: nobody could be told of the new token: %s", shop, fault)

    def _backoff_s(self, failures: int) -> float:
        wait_s = min(_AGAIN_S * 2.0 ** min(failures, 10), _AGAIN_MOST_S)
        return wait_s * self._chance.uniform(0.8, 1.2)

    def _now(self) -> datetime:
        return instant(self._clock.time())
