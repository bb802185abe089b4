"""Every answer of the receiver to a delivery, made once. What a refusal says is what to do."""

import msgspec

from avnu.inbox.arrival import Answer

REJECTED = "rejected"
IGNORED = "ignored"
UNAVAILABLE = "unavailable"

_RETRY_AFTER_S = b"1"


class Reply(msgspec.Struct, frozen=True, eq=False):
    """One answer. ``counted`` names the counter that no script keeps, or is empty.

    ``eq=False``: there is one object per answer, so it can be a key at no cost.
    """

    status: int
    body: bytes = b""
    counted: str = ""
    headers: tuple[tuple[bytes, bytes], ...] = ()


def _refusal(status: int, error: str, todo: str, *headers: tuple[bytes, bytes]) -> Reply:
    body = msgspec.json.encode({"error": error, "todo": todo})
    kind = (b"content-type", b"application/json")
    counted = UNAVAILABLE if status == 503 else REJECTED
    return Reply(status, body, counted, (kind, *headers))


def _busy(error: str) -> Reply:
    return _refusal(503, error, "deliver it again", (b"retry-after", _RETRY_AFTER_S))


KEPT = Reply(200)
NOT_FOLLOWED = Reply(200, counted=IGNORED)

# Empty, and the same whatever else is wrong: it tells a stranger nothing.
UNSIGNED = Reply(401, counted=REJECTED)

NO_TOPIC = _refusal(400, "no topic", "send X-Shopify-Topic")
BAD_TOPIC = _refusal(
    400, "topic cannot be used", "send at most 100 printable ASCII characters in X-Shopify-Topic"
)
NO_SHOP = _refusal(400, "no shop", "send X-Shopify-Shop-Domain")
BAD_SHOP = _refusal(400, "shop cannot be used", "send name.myshopify.com in X-Shopify-Shop-Domain")
OTHER_SHOP = _refusal(
    400, "body names another shop", "send the shop of the body in X-Shopify-Shop-Domain"
)
BAD_ID = _refusal(
    400,
    "webhook id cannot be used",
    "send at most 128 printable ASCII characters in X-Shopify-Webhook-Id",
)
CUT_SHORT = _refusal(400, "body ended early", "send as many bytes as announced")
TOO_SLOW = _refusal(408, "body did not come in time", "send the whole body at once")
TOO_LARGE = _refusal(413, "body is too large", "raise WEBHOOK_MAX_BYTES of the receiver")
NO_ROOM = _busy("too many bodies in flight")
INBOX_UNAVAILABLE = _busy("the inbox cannot keep it now")

ALL = (
    KEPT, NOT_FOLLOWED, UNSIGNED, NO_TOPIC, BAD_TOPIC, NO_SHOP, BAD_SHOP, OTHER_SHOP, BAD_ID,
    CUT_SHORT, TOO_SLOW, TOO_LARGE, NO_ROOM, INBOX_UNAVAILABLE,
)  # fmt: skip

# What the inbox says of a webhook it was given. A replayed one is not kept, and the effect of its
# bytes is already there; a suspect is kept as a dead letter.
TO_ANSWER = {
    Answer.ACCEPTED: KEPT,
    Answer.DUPLICATE: KEPT,
    Answer.REPLAYED: KEPT,
    Answer.SUSPECT: KEPT,
    Answer.FULL: INBOX_UNAVAILABLE,
}
