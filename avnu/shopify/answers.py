"""What an HTTP answer of the Admin API means: its data, its cost, or the one error that says so.

Pure. To add an error: a class in ``avnu/errors.py``, and a row in the table it belongs to here.

Facts (Shopify's documentation of response codes and of GraphQL rate limits, 2026-07): errors come
as HTTP statuses, and with 200 as ``errors`` with a code; THROTTLED is 200 without data, and 429
still occurs, with ``Retry-After`` as a decimal number; costs may be decimal numbers.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from avnu.errors import (
    AvnuError,
    CallRefused,
    PlatformFault,
    SecurityRejected,
    ShopForbidden,
    ShopFrozen,
    ShopLocked,
    ShopNotFound,
    Throttled,
    TokenRejected,
    TooDear,
    UnreadableAnswer,
)
from avnu.guards.outcome import Outcome, OutcomeKind
from avnu.shopify.transport import HttpAnswer

MakesError = Callable[[str, str], AvnuError]

STATUSES: Mapping[int, MakesError] = {
    401: TokenRejected,
    402: ShopFrozen,
    403: ShopForbidden,
    404: ShopNotFound,
    408: PlatformFault,
    423: ShopLocked,
    430: SecurityRejected,
    783: CallRefused,  # what was sent is not JSON
}
"""By HTTP status. 429 is Throttled, another 4xx CallRefused, 5xx PlatformFault."""

CODES: Mapping[str, MakesError] = {
    "SHOP_INACTIVE": ShopFrozen,
    "INTERNAL_SERVER_ERROR": PlatformFault,
    "TIMEOUT": PlatformFault,
    "ACCESS_DENIED": ShopForbidden,
    "MAX_COST_EXCEEDED": TooDear,
}
"""By the code of an error in the body, the weightiest first. Another code is CallRefused."""

_THROTTLED = "THROTTLED"
# Shopify's advice where an answer does not say how long to wait.
_BACKOFF_S = 1.0
_LEAST_WAIT_S, _MOST_WAIT_S = 0.1, 3600.0
_SAID_CHARACTERS = 200


def _bounded(wait_s: float) -> float:
    return min(_MOST_WAIT_S, max(_LEAST_WAIT_S, wait_s))


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """``extensions.cost`` in points, ``restore_rate`` per second; None for what it did not say."""

    requested: float | None = None
    actual: float | None = None
    available: float | None = None
    maximum: float | None = None
    restore_rate: float | None = None

    @property
    def wait_s(self) -> float:
        """How long until the bucket holds what was asked for."""
        if self.requested is None or self.available is None or not self.restore_rate:
            return _BACKOFF_S
        return _bounded((self.requested - self.available) / self.restore_rate)

    @property
    def too_dear(self) -> bool:
        """More was asked for than the bucket ever holds."""
        return None not in (self.requested, self.maximum) and self.requested > self.maximum  # type: ignore[operator]


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that was read. ``data``: JSON of its data, b"" for none; with a ``fault``, partial.

    ``deprecated``: why Shopify will not answer so for ever, "" if it does not say.
    """

    data: bytes = b""
    fault: AvnuError | None = None
    cost: Cost = Cost()
    deprecated: str = ""

    def outcome(self, duration_ms: float) -> Outcome:
        """What it means for breaker and budget."""
        throttled = isinstance(self.fault, Throttled)
        return Outcome(
            kind=kind_of(self.fault),
            requested=self.cost.requested,
            # An answer without data has cost nothing; where it cannot be read, nobody knows.
            actual=0 if self.cost.actual is None and self._costs_nothing else self.cost.actual,
            available=self.cost.available,
            maximum=self.cost.maximum,
            restore_rate=self.cost.restore_rate,
            duration_ms=duration_ms,
            throttled=throttled,
            result=result_of(self.fault),
        )

    @property
    def _costs_nothing(self) -> bool:
        unknown = UnreadableAnswer | PlatformFault
        return self.fault is not None and not self.data and not isinstance(self.fault, unknown)


def kind_of(fault: AvnuError | None) -> OutcomeKind:
    """The platform's trouble, health, or neither: a shop's own state proves nothing."""
    if fault is None:
        return OutcomeKind.OK
    return OutcomeKind.PLATFORM_FAULT if isinstance(fault, PlatformFault) else OutcomeKind.IGNORED


def result_of(fault: AvnuError | None) -> str:
    """One word for counters: ``ok``, the cause for which a shop parks, or ``refused``."""
    return "ok" if fault is None else getattr(fault, "cause", "refused").replace(" ", "_")


def read(shop: str, answer: HttpAnswer) -> Reading:
    """What the answer means. Never raises: what cannot be read is an UnreadableAnswer."""
    if answer.status != 200:
        return Reading(fault=_by_status(shop, answer))
    try:
        body = msgspec.json.decode(answer.body, type=_Body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Reading(fault=UnreadableAnswer(shop, "200 with something that is not GraphQL"))
    cost, data = read_cost(body.extensions), bytes(body.data)
    data = b"" if data == b"null" else data
    fault = _by_errors(shop, body.errors, cost)
    if fault is None and not data.startswith(b"{"):
        fault, data = UnreadableAnswer(shop, "neither data nor errors"), b""
    deprecated = answer.headers.get("x-shopify-api-deprecated-reason", "")
    return Reading(data=data, fault=fault, cost=cost, deprecated=said(deprecated))


class _Body(msgspec.Struct):
    data: msgspec.Raw = msgspec.Raw(b"null")
    errors: Any = None
    extensions: Any = None


def _by_status(shop: str, answer: HttpAnswer) -> AvnuError:
    status = answer.status
    if status == 429:
        wait_s = _number(answer.headers.get("retry-after"))
        return Throttled(shop, "429", _bounded(_BACKOFF_S if wait_s is None else wait_s))
    if status in STATUSES:
        return STATUSES[status](shop, str(status))
    if 400 <= status < 500:
        return CallRefused(shop, f"Shopify answers {status}")
    if status >= 500:
        return PlatformFault(shop, str(status))
    return UnreadableAnswer(shop, f"Shopify answers {status}")


def _by_errors(shop: str, errors: Any, cost: Cost) -> AvnuError | None:
    if errors in (None, []):
        return None
    if not isinstance(errors, list) or not all(isinstance(error, dict) for error in errors):
        return UnreadableAnswer(shop, "errors in an unknown form")
    codes = [_code(error) for error in errors]
    text = "; ".join(said(error.get("message")) for error in errors[:3])
    if _THROTTLED in codes and cost.too_dear:
        return TooDear(shop, "THROTTLED: more points than the shop's bucket holds")
    if _THROTTLED in codes:
        return Throttled(shop, "THROTTLED", cost.wait_s)
    for code, fault in CODES.items():
        if code in codes:
            return fault(shop, f"{code}: {text}")
    return CallRefused(shop, text or "an error without a message")


def _code(error: Mapping[str, Any]) -> str:
    extensions = error.get("extensions")
    code = extensions.get("code") if isinstance(extensions, dict) else None
    return code if isinstance(code, str) else ""


@contextmanager
def sane(shop: str) -> Iterator[None]:
    """Ids, amounts and times that are none are Shopify's nonsense, not the handler's failed run."""
    try:
        yield
    except (ValueError, OverflowError) as fault:
        raise UnreadableAnswer(shop, f"a value that is none: {said(str(fault))}") from fault


def said(text: object) -> str:
    """Foreign text for an error or a log: printable, and not long."""
    plain = text if isinstance(text, str) else ""
    return "".join(c if c.isprintable() else " " for c in plain)[:_SAID_CHARACTERS]


def read_cost(extensions: Any) -> Cost:
    """The cost that an answer names; what is missing or makes no sense counts as not said."""
    cost = _object(_object(extensions).get("cost"))
    status = _object(cost.get("throttleStatus"))
    return Cost(
        requested=_number(cost.get("requestedQueryCost")),
        actual=_number(cost.get("actualQueryCost")),
        available=_number(status.get("currentlyAvailable")),
        maximum=_number(status.get("maximumAvailable")),
        restore_rate=_number(status.get("restoreRate")),
    )


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> float | None:
    """A number that is not negative, also where it comes as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number >= 0 else None
