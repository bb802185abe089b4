"""One call of the Admin API through its guards: breaker and budget, token, HTTP, and what follows.

Breaker and budget are asked together in one round trip, which also takes along what earlier calls
came to; nothing else is asked of Redis. A token comes from memory for 30 s at a time.
"""

import logging
import random
from collections.abc import Callable

import msgspec

from avnu.breaker.policy import SHOPIFY
from avnu.clock import Clock
from avnu.errors import (
    AvnuError,
    BreakerOpen,
    BudgetSpent,
    NoAnswer,
    OutOfTime,
    Park,
    PlatformFault,
    ShopFrozen,
    TokenRejected,
    TokenUnavailable,
)
from avnu.guards import Class, Guards, Outcome, OutcomeKind, Permit, Refused
from avnu.settings import Settings
from avnu.shopify.answers import Reading, read, result_of
from avnu.shopify.deprecations import Deprecations
from avnu.shopify.query import Request
from avnu.shopify.transport import Limits, Transport
from avnu.store.pairs import AccessToken
from avnu.store.shops import Shops, Status
from avnu.store.tokens import Tokens

log = logging.getLogger(__name__)

# With less than this left a call would be cut off in the middle more often than not.
_LEAST_S = 0.5
# What is waited for here, so often: mostly the first answer about a shop's bucket, until which its
# calls go one at a time. Half a second in all, as nobody sleeps longer than one for points.
_MOMENT_MS, _MOMENTS = 100, 5
# No sooner does a shop that a half-open breaker refused ask again.
_PROBE_S = 2.0
_MOST_BYTES = 64 * 1024 * 1024
_HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json",
    "User-Agent": "Avnu (webhook follow-up)",
}


class _Call(msgspec.Struct, frozen=True):
    """What is asked: by whom, until when (monotonic seconds)."""

    shop: str
    request: Request
    body: bytes
    cls: Class
    until_s: float


class Calls:
    """Makes calls for every shop of this process; safe to share between threads."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        chance: random.Random,
        *,
        transport: Transport,
        guards: Guards,
        tokens: Tokens,
        shops: Shops,
        deprecations: Deprecations,
        revived: Callable[[str], object],
    ) -> None:
        """``revived(shop)``: a call has worked for a shop that had no live token before."""
        self._clock = clock
        self._chance = chance
        self._revived = revived
        self._transport = transport
        self._guards = guards
        self._tokens = tokens
        self._shops = shops
        self._deprecations = deprecations
        self._path = f"/admin/api/{settings.shopify_api_version}/graphql.json"
        self._limits = Limits(
            connect_s=settings.shopify_connect_timeout_ms / 1000,
            read_s=settings.shopify_read_timeout_ms / 1000,
            # A handler that may not take long has time for two calls at least.
            total_s=min(
                settings.shopify_total_timeout_ms / 1000, settings.inbox_handler_seconds / 2
            ),
            most_bytes=_MOST_BYTES,
        )

    def make(self, shop: str, request: Request, cls: Class, until_s: float) -> Reading:
        """The answer, whole or partial; ``until_s``: when (monotonic) it must be over.

        A token that Shopify refuses is refreshed, and the call made once more. Raises a Park for
        what makes the shop wait: budget, breaker, token, database, platform, or the shop itself.
        Errors that are the call's own are in the answer's ``fault``.
        """
        # First of all: what cannot be encoded is the caller's fault, and has cost nothing.
        call = _Call(shop, request, request.body(), cls, until_s)
        refused: AccessToken | None = None
        while True:
            self._require_time(call)
            permit = self._permit(call)
            token = self._token(call, permit, refused)
            reading = self._send(call, permit, token)
            self._note(call, token, reading)
            if not isinstance(reading.fault, TokenRejected):
                return reading
            if refused is not None:
                self._reject(token)
                return reading
            refused = token

    # ---- the steps

    def _require_time(self, call: _Call) -> None:
        if call.until_s - self._clock.monotonic() < _LEAST_S:
            raise OutOfTime

    def _permit(self, call: _Call) -> Permit:
        """A permit, after a moment if that is all it takes: a parking lasts a second at least."""
        request, moments = call.request, _MOMENTS
        while True:
            permit = self._guards.acquire(call.shop, request.shape, request.cost, call.cls)
            if isinstance(permit, Permit):
                return permit
            if permit.cause != "budget" or permit.wait_ms > _MOMENT_MS or not moments:
                raise self._refusal(call.shop, permit)
            moments -= 1
            self._clock.sleep(permit.wait_ms / 1000)

    def _token(self, call: _Call, permit: Permit, refused: AccessToken | None) -> AccessToken:
        """A token; without one, the points are given back."""
        try:
            if refused is None:
                return self._tokens.get(call.shop, call.until_s)
            return self._tokens.refresh(call.shop, refused, call.until_s)
        except BaseException as fault:
            # An outage in which all tokens have ended is an outage all the same.
            platform = isinstance(fault, TokenUnavailable) and fault.platform
            kind = OutcomeKind.PLATFORM_FAULT if platform else OutcomeKind.IGNORED
            self._guards.outcome(permit, Outcome(kind=kind, actual=0))
            raise

    def _send(self, call: _Call, permit: Permit, token: AccessToken) -> Reading:
        begun_s = self._clock.monotonic()
        limits = self._limits.within(max(_LEAST_S, call.until_s - begun_s))
        headers = {**_HEADERS, "X-Shopify-Access-Token": token.secret.reveal()}
        try:
            answer = self._transport.post(
                call.shop, self._path, call.body, headers, limits,
                repeatable=call.request.repeatable,
            )  # fmt: skip
        except NoAnswer as fault:
            raise self._unanswered(call.shop, permit, fault, begun_s, limits) from fault
        except BaseException:
            # A time limit or a signal ended the wait: whether the call ran, nobody knows.
            self._guards.outcome(permit, Outcome(kind=OutcomeKind.IGNORED))
            raise
        reading = read(call.shop, answer)
        self._guards.outcome(permit, reading.outcome(self._passed_ms(begun_s)))
        return reading

    def _unanswered(
        self, shop: str, permit: Permit, fault: NoAnswer, begun_s: float, limits: Limits
    ) -> PlatformFault:
        """Told against the platform, unless it was we who gave it less time than usual."""
        hurried = fault.late and limits.total_s < self._limits.total_s
        ours = PlatformFault(shop, str(fault))
        outcome = Outcome(
            kind=OutcomeKind.IGNORED if hurried else OutcomeKind.PLATFORM_FAULT,
            actual=None if fault.sent else 0,
            duration_ms=self._passed_ms(begun_s),
            result=result_of(ours),
        )
        self._guards.outcome(permit, outcome)
        return ours

    def _refusal(self, shop: str, refused: Refused) -> AvnuError:
        wait_s = refused.wait_ms / 1000
        if refused.cause != "breaker":
            return BudgetSpent(shop, wait_s)
        # Spread out, so that not all shops come at the instant at which it begins to probe; when it
        # closes, those that still wait are let go.
        return BreakerOpen(SHOPIFY, max(_PROBE_S, wait_s) * self._chance.uniform(1.0, 1.5))

    # ---- what follows from an answer

    def _note(self, call: _Call, token: AccessToken, reading: Reading) -> None:
        log.debug(
            "call: shop=%s query=%s result=%s points=%s",
            call.shop, call.request.name, result_of(reading.fault), reading.cost.actual,
        )  # fmt: skip
        if reading.deprecated:
            self._deprecations.note(call.request.name, reading.deprecated)
        if isinstance(reading.fault, ShopFrozen) and not token.frozen:
            self._mark(call.shop, Status.FROZEN, "Shopify says: frozen, or closed")
        elif reading.fault is None and token.frozen:
            self._mark(call.shop, Status.INSTALLED)
        if reading.fault is None and token.revived:
            self._revived(call.shop)

    def _reject(self, token: AccessToken) -> None:
        reason = "Shopify refuses even a new token"
        self._quietly(lambda: self._tokens.reject(token, reason))

    def _mark(self, shop: str, status: Status, reason: str = "") -> None:
        """So that operators see it, and see when it is over."""
        if status is Status.INSTALLED:
            self._quietly(lambda: self._shops.thaw(shop))
        else:
            self._quietly(lambda: self._shops.mark(shop, status, reason))
        self._tokens.forget(shop)

    def _quietly(self, write: Callable[[], object]) -> None:
        """An answer that came is not lost because the database is away."""
        try:
            write()
        except Park as fault:
            log.warning("how a shop stands could not be noted: %s", fault)

    def _passed_ms(self, since_s: float) -> float:
        return (self._clock.monotonic() - since_s) * 1000
