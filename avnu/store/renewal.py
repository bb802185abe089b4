"""What the holder of a shop's lease does: exchange the refresh token, and store what comes of it.

However it goes, the lease is ended here, unless this process is killed.
"""

import logging
import random
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from avnu.clock import Clock
from avnu.errors import (
    AvnuError,
    ShopUnauthorised,
    StoreUnavailable,
    TokenExchangeFailed,
    TokenRefused,
    TokenUnavailable,
)
from avnu.logs import about
from avnu.secret import Secret
from avnu.store.columns import instant
from avnu.store.pairs import REFRESH, AccessToken, TokenPair, columns_of
from avnu.store.refreshing import Refreshing
from avnu.store.vault import Vault
from avnu.store.verdict import TokenRow, is_alive

Exchange = Callable[[str, Secret], TokenPair]
"""``exchange(shop, refresh_token)`` asks Shopify for a new pair, within half of LEASE_S.

Raises TokenRefused when Shopify says that the token is of no more use, TokenExchangeFailed for
whatever else brings no pair. Neither message holds a token. Anything else it raises goes through to
the caller, as if nobody had asked.
"""

# An exchange takes 11 s at most, so its answer finds the lease alive, and time to store it.
LEASE_S = 25.0

_SETTLED_S = 2.0  # after a success: a pair that is refused at once causes no storm
_AGAIN_S = 5.0  # after a failure, doubled by each further one in a row
_AGAIN_MOST_S = 300.0
_REFUSED_AGAIN_S = 900.0
_STORE_TRIES = 3
_STORE_PAUSE_S = 0.5

_log = logging.getLogger(__name__)


class Held(msgspec.Struct, frozen=True):
    """A lease just taken: the row before that, the owner, and when it was (monotonic seconds)."""

    row: TokenRow
    owner: str
    since_s: float


class Renewal:
    """Shared by the threads of a process."""

    def __init__(
        self,
        refreshing: Refreshing,
        vault: Vault,
        exchange: Exchange,
        *,
        clock: Clock,
        chance: random.Random,
        lease_s: float,
    ) -> None:
        self._refreshing = refreshing
        self._vault = vault
        self._exchange = exchange
        self._clock = clock
        self._chance = chance
        self._lease_s = lease_s

    def run(
        self, held: Held, stored: AccessToken | None, *, refused: bool
    ) -> tuple[AccessToken, datetime | None]:
        """The new token and when it is due; the stored one if none came and it still lives.

        ``refused``: Shopify answered 401 to the stored one. Raises what ``Tokens.get`` raises.
        """
        row = held.row
        if row.owner is not None:
            _log.warning("a refresh was cut short", extra=about(shop=row.shop, owner=row.owner))
        try:
            self._check_in_time(held)
            pair = self._exchange(row.shop, self._refresh_token(row))
            return self._store(held, pair, refused=refused)
        except TokenExchangeFailed as fault:
            now = instant(self._clock.time())
            alive = stored if is_alive(row, now, refused=refused) else None
            return self._failed(held, fault, alive), row.due_at
        except BaseException:
            self._let_go(held)
            raise

    def _check_in_time(self, held: Held) -> None:
        """Once this process was frozen, another could take over before the answer is stored."""
        if self._passed_s(held) > self._lease_s / 2:
            raise TokenUnavailable(held.row.shop, "this process was held up", 1.0)

    def _refresh_token(self, row: TokenRow) -> Secret:
        assert row.refresh is not None, "the verdict asks only with a refresh token"
        return self._vault.open(row.shop, REFRESH, row.refresh)

    def _store(
        self, held: Held, pair: TokenPair, *, refused: bool
    ) -> tuple[AccessToken, datetime | None]:
        shop, now_s = held.row.shop, self._clock.time()
        columns = columns_of(self._vault, shop, pair, now_s, self._chance)
        again_after = self._database_time_in(held, _SETTLED_S)
        if not self._insist(
            lambda: self._refreshing.keep(shop, held.owner, columns, again_after, instant(now_s))
        ):
            # Reinstalled, uninstalled, or frozen for longer than the lease: what is stored counts.
            _log.warning("a new pair came too late to be stored", extra=about(shop=shop))
            raise TokenUnavailable(shop, "its tokens were changed meanwhile", 1.0)
        _log.info("tokens refreshed", extra=about(shop=shop))
        expires_s = None if pair.expires_in_s is None else now_s + pair.expires_in_s
        revived = not is_alive(held.row, instant(now_s), refused=refused)
        return AccessToken(shop, pair.access, expires_s, revived=revived), columns["access_due_at"]

    def _failed(
        self, held: Held, fault: TokenExchangeFailed, alive: AccessToken | None
    ) -> AccessToken:
        row, refused = held.row, isinstance(fault, TokenRefused)
        wait_s = _REFUSED_AGAIN_S if refused else self._backoff_s(row.failures)
        reason = f"refresh failed: {fault}"
        if refused and row.owner is not None:
            reason += "; the refresh before it was cut short, so a newer pair may have been lost"
        _log.warning(
            "no new tokens: %s", reason, extra=about(shop=row.shop, again_in_s=round(wait_s))
        )
        try:
            self._refreshing.note_failure(
                row,
                held.owner,
                again_after=self._database_time_in(held, wait_s),
                reason=reason,
                unauthorised=refused and alive is None,
                now=instant(self._clock.time()),
            )
        except StoreUnavailable as second:
            _log.warning("that could not be noted: %s", second, extra=about(shop=row.shop))
        if alive is not None:
            return alive
        if refused:
            raise ShopUnauthorised(row.shop, reason) from fault
        raise TokenUnavailable(row.shop, reason, wait_s, platform=fault.platform) from fault

    def _insist(self, write: Callable[[], bool]) -> bool:
        """A new pair is worth a second and a third try: the lease lasts for a while anyway."""
        for _ in range(_STORE_TRIES - 1):
            try:
                return write()
            except StoreUnavailable as fault:
                _log.warning("a new pair is not stored yet: %s", fault)
                self._clock.sleep(_STORE_PAUSE_S)
        return write()

    def _let_go(self, held: Held) -> None:
        try:
            self._refreshing.release(held.row.shop, held.owner)
        except AvnuError as fault:
            _log.warning("the lease will end by itself: %s", fault, extra=about(shop=held.row.shop))

    def _passed_s(self, held: Held) -> float:
        return self._clock.monotonic() - held.since_s

    def _database_time_in(self, held: Held, wait_s: float) -> datetime:
        return held.row.now + timedelta(seconds=self._passed_s(held) + wait_s)

    def _backoff_s(self, failures: int) -> float:
        wait_s = min(_AGAIN_S * 2.0 ** min(failures, 10), _AGAIN_MOST_S)
        return wait_s * self._chance.uniform(0.8, 1.2)
