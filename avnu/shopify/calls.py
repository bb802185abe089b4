"""One call of the Admin API through its guards: breaker and budget, token, HTTP, and what follows.

Breaker and budget are asked together in one round trip, which also takes along what earlier calls
came to; nothing else is asked of Redis. A token comes from memory for 30 s at a time.
"""

import logging

import msgspec

from avnu.breaker.policy import SHOPIFY
from avnu.clock import Clock
from avnu.errors import (
    AvnuError,
    BreakerOpen,
    BudgetSpent,
    NoAnswer,
    OutOfTime,
    PlatformFault,
    ShopFrozen,
    StoreUnavailable,
    TokenRejected,
    UnknownShop,
)
from avnu.guards import Class, Guards, Kind, Outcome, Permit, Refused
from avnu.settings import Settings
from avnu.shopify.answers import Reading, read, result_of
from avnu.shopify.deprecations import Deprecations
from avnu.shopify.query import Request
from avnu.shopify.transport import HttpAnswer, Limits, Transport
from avnu.store.pairs import AccessToken
from avnu.store.shops import Shops, Status
from avnu.store.tokens import Tokens

log = logging.getLogger(__name__)

# With less than this left a call would be cut off in the middle more often than not.
_LEAST_S = 0.5
_MOST_BYTES = 64 * 1024 * 1024
_AGENT = "Avnu (webhook follow-up)"


class Calls:
    """Makes calls for every shop of this process; safe to share between threads."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        *,
        transport: Transport,
        guards: Guards,
        tokens: Tokens,
        shops: Shops,
        deprecations: Deprecations,
    ) -> None:
        self._clock = clock
        self._transport = transport
        self._guards = guards
        self._tokens = tokens
        self._shops = shops
        self._deprecations = deprecations
        self._path = f"/admin/api/{settings.shopify_api_version}/graphql.json"
        self._limits = Limits(
            connect_s=settings.shopify_connect_timeout_ms / 1000,
            read_s=settings.shopify_read_timeout_ms / 1000,
            total_s=settings.shopify_total_timeout_ms / 1000,
            most_bytes=_MOST_BYTES,
        )

    def make(self, shop: str, request: Request, cls: Class, until_s: float) -> Reading:
        """The answer, whole or partial; ``until_s``: when (monotonic) it must be over.

        A token that Shopify refuses is refreshed, and the call made once more. Raises a Park for
        what makes the shop wait: budget, breaker, token, database, platform, or the shop itself.
        Errors that are the call's own are in the answer's ``fault``.
        """
        refused: AccessToken | None = None
        while True:
            permit = self._permit(shop, request, cls)
            token = self._token(shop, permit, refused)
            reading = self._send(shop, request, permit, token, until_s)
            self._note(shop, request, token, reading)
            if not isinstance(reading.fault, TokenRejected):
                return reading
            if refused is not None:
                self._mark(shop, Status.UNAUTHORISED, "Shopify refuses even a new token")
                return reading
            refused = token

    # ---- the steps

    def _permit(self, shop: str, request: Request, cls: Class) -> Permit:
        permit = self._guards.acquire(shop, request.shape, request.cost, cls)
        if isinstance(permit, Permit):
            return permit
        raise _refusal(shop, permit)

    def _token(self, shop: str, permit: Permit, refused: AccessToken | None) -> AccessToken:
        try:
            if refused is None:
                return self._tokens.get(shop)
            return self._tokens.refresh(shop, refused)
        except BaseException:
            self._guards.outcome(permit, Outcome(kind=Kind.IGNORED, actual=0))
            raise

    def _send(
        self, shop: str, request: Request, permit: Permit, token: AccessToken, until_s: float
    ) -> Reading:
        begun_s = self._clock.monotonic()
        limits = self._limits.within(until_s - begun_s)
        if limits.total_s < _LEAST_S:
            self._guards.outcome(permit, Outcome(kind=Kind.IGNORED, actual=0))
            raise OutOfTime
        try:
            answer = self._post(shop, request, token, limits)
        except NoAnswer as fault:
            reading = Reading(fault=PlatformFault(shop, str(fault)))
            short = limits.total_s < self._limits.total_s
            self._guards.outcome(permit, self._unanswered(reading, fault, begun_s, short=short))
            raise reading.fault from fault  # type: ignore[misc]
        except BaseException:
            # A time limit or a signal ended the wait: whether the call ran, nobody knows.
            self._guards.outcome(permit, Outcome(kind=Kind.IGNORED))
            raise
        reading = read(shop, answer)
        self._guards.outcome(permit, reading.outcome(self._passed_ms(begun_s)))
        return reading

    def _post(self, shop: str, request: Request, token: AccessToken, limits: Limits) -> HttpAnswer:
        body = msgspec.json.encode(
            {
                "query": request.text,
                "operationName": request.name,
                "variables": request.variables,
            }
        )
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": _AGENT,
            "X-Shopify-Access-Token": token.secret.reveal(),
        }
        return self._transport.post(shop, self._path, body, headers, limits)

    def _unanswered(
        self, reading: Reading, fault: NoAnswer, begun_s: float, *, short: bool
    ) -> Outcome:
        """Told against the platform, unless it was we who gave it less time than usual."""
        outcome = reading.outcome(self._passed_ms(begun_s))
        if short:
            outcome = msgspec.structs.replace(outcome, kind=Kind.IGNORED)
        return outcome if fault.sent else msgspec.structs.replace(outcome, actual=0)

    # ---- what follows from an answer

    def _note(self, shop: str, request: Request, token: AccessToken, reading: Reading) -> None:
        log.debug(
            "call: shop=%s query=%s result=%s points=%s",
            shop, request.name, result_of(reading.fault), reading.cost.actual,
        )  # fmt: skip
        if reading.deprecated:
            self._deprecations.note(request.name, reading.deprecated)
        if isinstance(reading.fault, ShopFrozen) and not token.frozen:
            self._mark(shop, Status.FROZEN, "Shopify says: frozen, or closed")
        elif reading.fault is None and token.frozen:
            self._mark(shop, Status.INSTALLED)

    def _mark(self, shop: str, status: Status, reason: str = "") -> None:
        """So that operators see it, and see when it is over."""
        try:
            if status is Status.INSTALLED:
                self._shops.thaw(shop)
            else:
                self._shops.mark(shop, status, reason)
        except (StoreUnavailable, UnknownShop) as second:
            log.warning("how %s stands could not be noted: %s", shop, type(second).__name__)
        self._tokens.forget(shop)

    def _passed_ms(self, since_s: float) -> float:
        return (self._clock.monotonic() - since_s) * 1000


def _refusal(shop: str, refused: Refused) -> AvnuError:
    wait_s = refused.wait_ms / 1000
    if refused.cause == "breaker":
        return BreakerOpen(SHOPIFY, wait_s)
    return BudgetSpent(shop, wait_s)
