"""How the GraphQL API writes what webhooks write otherwise."""

from datetime import UTC, datetime
from typing import Any

from avnu.sandbox.encoding import Payload

_FORM = "%Y-%m-%dT%H:%M:%SZ"


def utc(local: str) -> str:
    """``2026-11-22T09:15:07-05:00`` of a webhook → ``2026-11-22T14:15:07Z`` of the API."""
    return datetime.fromisoformat(local).astimezone(UTC).strftime(_FORM)


def utc_of(unix_s: float) -> str:
    """Whole seconds, written like every other time of the API."""
    return datetime.fromtimestamp(int(unix_s), UTC).strftime(_FORM)


def maybe_utc(local: str | None) -> str | None:
    """The same, and null for null."""
    return None if local is None else utc(local)


def amount(text: str, currency: str) -> dict[str, Any]:
    """A ``MoneyV2``: ``"20.00"`` of a webhook is ``"20.0"`` here, as a Decimal is written."""
    whole, _, cents = text.partition(".")
    return {"amount": f"{whole}.{cents.rstrip('0') or '0'}", "currencyCode": currency}


def bag(money_set: Payload) -> dict[str, Any]:
    """A ``MoneyBag``, of what webhooks call a set."""
    shop, seen = money_set["shop_money"], money_set["presentment_money"]
    return {
        "shopMoney": amount(shop["amount"], shop["currency_code"]),
        "presentmentMoney": amount(seen["amount"], seen["currency_code"]),
    }
