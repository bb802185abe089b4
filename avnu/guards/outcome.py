"""What a guarded call is given, and what it tells when it is over."""

import enum

import msgspec

from avnu import keys
from avnu.budget import points


class OutcomeKind(enum.StrEnum):
    """What a call's end says about the platform."""

    OK = "ok"
    PLATFORM_FAULT = "platform_fault"  # 5xx, timeout, broken connection
    IGNORED = "ignored"  # the shop's own state, THROTTLED, our own error: says nothing


_SIGNS = {OutcomeKind.OK: "+", OutcomeKind.PLATFORM_FAULT: "-", OutcomeKind.IGNORED: "i"}


class Permit(msgspec.Struct, frozen=True):
    """One call may go. ``reserved`` points; ``waited_ms`` was slept for them already."""

    token: str
    shop: str
    query: str
    generation: int
    reserved: float
    waited_ms: int = 0
    local: bool = False  # given while Redis did not answer


class Refused(msgspec.Struct, frozen=True):
    """The call may not go: park the shop for ``wait_ms``. ``cause``: ``budget`` or ``breaker``."""

    cause: str
    wait_ms: int


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a call: its end, and ``extensions.cost`` of the answer in points.

    ``restore_rate`` is points per second. What the answer did not say is None. ``throttled``: the
    answer was THROTTLED, so nothing was spent. ``result``: one word by which calls are counted.
    """

    kind: OutcomeKind
    requested: float | None = None
    actual: float | None = None
    available: float | None = None
    maximum: float | None = None
    restore_rate: float | None = None
    duration_ms: float = 0.0
    throttled: bool = False
    result: str = ""


class Carried(msgspec.Struct, frozen=True):
    """An outcome on its way to Redis; ``at`` is when the answer came, monotonic seconds."""

    permit: Permit
    outcome: Outcome
    sign: str
    at: float

    def row(self, now: float) -> tuple[str | int, ...]:
        """The fourteen arguments that ``guards.lua`` takes for it."""
        permit, outcome = self.permit, self.outcome
        age_ms = max(0, int((now - self.at) * 1000))
        return (
            permit.generation, keys.short(permit.shop), self.sign, permit.token, permit.query,
            points(outcome.actual), points(outcome.available), points(outcome.maximum),
            points(outcome.restore_rate), age_ms, points(outcome.requested),
            "1" if outcome.throttled else "0", "0" if permit.local else "1", outcome.result,
        )  # fmt: skip


def sign_of(outcome: Outcome, slow_ms: int) -> str:
    """``+`` good, ``-`` bad, ``i`` neither; an answer beyond ``slow_ms`` is bad."""
    if outcome.kind is OutcomeKind.OK and outcome.duration_ms >= slow_ms:
        return "-"
    return _SIGNS[outcome.kind]
