"""What is kept about a customer, as one document: a person can read it, a machine can parse it."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from avnu import keys
from avnu.compliance.exports import PREFIX
from avnu.compliance.person import Person
from avnu.inbox.arrival import Stored
from avnu.settings import Settings
from avnu.shopify.payloads import decode
from avnu.shopify.payloads.compliance import Customer, DataRequest
from avnu.store.market.copy import Copy

Document = dict[str, Any]


def name_of(shop: str, request_id: str) -> str:
    """The file's name, the same each time, as a request that is cut short is done again."""
    digest = hashlib.sha256(f"{shop}\0{request_id}".encode()).hexdigest()
    return f"{PREFIX}{keys.short(shop)}-{digest[:16]}.json"


def heading(
    settings: Settings, shop: str, asked: DataRequest, made_at: datetime, ends_at: datetime
) -> Document:
    """What the file is, for whoever opens it."""
    customer = asked.customer
    return {
        "what": "Everything that this marketplace keeps about one customer of one shop, as the "
        "customer asked Shopify to be told (customers/data_request).",
        "for": "The merchant, who passes it on to the customer.",
        "shop": shop,
        "customer": None
        if customer is None
        else {"id": customer.id, "email": customer.email, "phone": customer.phone},
        "orders_requested": list(asked.orders_requested or ()),
        "made_at": made_at.isoformat(),
        "deleted_at": ends_at.isoformat(),
        "kept": _kept(settings),
        "sections": {
            "orders": "The marketplace's own copy: orders with their lines, refunds and shipments, "
            "of this customer's id or requested. Names, addresses and e-mail are not in it.",
            "webhooks": "Messages of Shopify that wait, failed, or are kept for a while after "
            "they were handled, word by word. They hold whatever Shopify says of an order.",
        },
    }


def orders(market: Copy, shop: str, ids: Iterable[int]) -> list[Document]:
    """What the database holds of each; also of what came before its order."""
    found = []
    for number in sorted(set(ids)):
        order = market.order(shop, number)
        if order is not None:
            found.append(_plain(order))
            continue
        parts = {
            "refunds": [_plain(one) for one in market.refunds(shop, number)],
            "fulfillments": [_plain(one) for one in market.fulfillments(shop, number)],
        }
        if any(parts.values()):
            found.append({"id": number, **parts})
    return found


def webhook(one: Stored) -> Document:
    """A webhook with its body."""
    try:
        body = msgspec.json.decode(one.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        body = one.body.decode(errors="replace")
    received = datetime.fromtimestamp(one.accepted_ms / 1000, UTC)
    return {
        "id": one.webhook_id,
        "topic": one.topic,
        "received_at": received.isoformat(timespec="milliseconds"),
        "body": body,
    }


def speaking(found: Iterable[Stored], person: Person, but: str) -> list[Stored]:
    """The webhooks that speak of the customer, but for the request itself; by age."""
    theirs = [one for one in found if one.webhook_id != but and person.speaks(one.topic, one.body)]
    return sorted(theirs, key=lambda one: (one.accepted_ms, one.webhook_id))


def as_file(document: Mapping[str, Any]) -> bytes:
    """JSON, indented, with all letters as they are."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


class _About(msgspec.Struct):
    customer: Customer | None = None


class _File(msgspec.Struct):
    about: _About


def customer_of(content: bytes) -> Customer | None:
    """Whom a file is about, as its request named them. Raises Unreadable."""
    return decode(content, _File).about.customer


def _kept(settings: Settings) -> list[str]:
    after = (
        f"and for {settings.webhook_keep_body_seconds:,} s after"
        if settings.webhook_keep_body_seconds
        else "and not after"
    )
    return [
        "Orders, refunds and shipments, as below: until customers/redact or shop/redact.",
        f"Webhooks, as below: until they are handled, {after}.",
        f"Webhooks that failed: for up to {settings.dead_ttl_seconds // 86400:,} days.",
        "That this request was made, without a name: as evidence.",
        "Products, stock, locations and the shop's settings hold nothing of customers.",
        "Logs and metrics hold no names, addresses, e-mails or phone numbers.",
    ]


def _plain(struct: msgspec.Struct) -> Document:
    plain: Document = msgspec.to_builtins(struct)
    return plain
