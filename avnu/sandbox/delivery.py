"""One entry of a delivery plan: what is sent, how it is signed, and what for."""

import enum

import msgspec


class DeliveryKind(enum.StrEnum):
    """Why a delivery is in the plan. The first four are Shopify's own; the rest are not."""

    GENUINE = "genuine"
    AT_ONCE = "at_once"  # genuine, sent on two connections in the same instant
    DUPLICATE = "duplicate"  # a genuine webhook sent once more: same id, same bytes
    DROPPED = "dropped"  # genuine, and never sent
    FORGED = "forged"  # the signature is wrong, missing or no signature at all
    WRONG_SECRET = "wrong_secret"  # noqa: S105 - rightly signed, with another app's secret
    OVERSIZED = "oversized"  # larger than the receiver takes
    REPLAYED_ID = "replayed_id"  # a genuine body and signature under a new webhook id
    REPLAYED_SHOP = "replayed_shop"  # … and under another shop
    REPLAYED_TOPIC = "replayed_topic"  # … and under a topic that destroys
    REPLAYED_NAMED = "replayed_named"  # a body that names its shop, under another shop


SHOPIFYS_OWN = frozenset(
    {DeliveryKind.GENUINE, DeliveryKind.AT_ONCE, DeliveryKind.DUPLICATE, DeliveryKind.DROPPED}
)
REFUSED = frozenset(
    {
        DeliveryKind.FORGED,
        DeliveryKind.WRONG_SECRET,
        DeliveryKind.OVERSIZED,
        DeliveryKind.REPLAYED_NAMED,
    }
)
SUSPECT = frozenset({DeliveryKind.REPLAYED_SHOP, DeliveryKind.REPLAYED_TOPIC})


class Signature(enum.StrEnum):
    """What stands in the signature header."""

    RIGHT = "right"
    WRONG_SECRET = "wrong_secret"  # noqa: S105 - a right signature, of another secret
    RANDOM = "random"  # 32 bytes that sign nothing
    ALTERED = "altered"  # right for the body without its last byte
    MISSING = "missing"  # no header
    EMPTY = "empty"
    SHORT = "short"  # base64 of 16 bytes
    GARBLED = "garbled"  # not base64
    FOREIGN = "foreign"  # bytes outside ASCII
    HUGE = "huge"  # 6,000 characters


#: How forgers sign, in turn.
FORGERIES = tuple(s for s in Signature if s not in (Signature.RIGHT, Signature.WRONG_SECRET))


class Delivery(msgspec.Struct, frozen=True):
    """One webhook to send.

    ``number`` names it in the plan and the ledger; its place is its place in the plan. ``after``
    is the number of the delivery that must have been answered 200 before this one is sent:
    a replay can only follow what it replays. ``triggered_at`` is the moment of the played day,
    ``late_s`` how long Shopify has kept it: see ``moments`` for what is sent.
    """

    number: int
    shop: str
    webhook_id: str
    topic: str
    body: bytes
    kind: DeliveryKind = DeliveryKind.GENUINE
    signature: Signature = Signature.RIGHT
    event_id: str = ""
    triggered_at: str = ""
    late_s: float = 0.0
    after: int | None = None
    filler_bytes: int = 0  # OVERSIZED: sent after ``body``, made while sending

    @property
    def copies(self) -> int:
        """Connections that carry it in the same instant."""
        return {DeliveryKind.DROPPED: 0, DeliveryKind.AT_ONCE: 2}.get(self.kind, 1)

    @property
    def retried(self) -> bool:
        """Shopify repeats what was not answered 2xx; attackers here do not."""
        return self.kind in SHOPIFYS_OWN
