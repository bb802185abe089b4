"""The kinds of value that payloads share: ids, times, amounts, money."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec

# Signed 64 bits, because that is what a database column holds; Shopify's ids start at 1.
Id = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]

# An instant with the UTC offset that Shopify sent; a time without one is refused.
Time = Annotated[datetime, msgspec.Meta(tz=True)]

# ISO 4217, and the longer codes that Shopify's CurrencyCode has since stablecoins.
Currency = Annotated[str, msgspec.Meta(pattern="^[A-Z]{3,5}$")]

_PLAIN = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)


class Amount(Decimal):
    """An exact, finite amount in plain notation; its currency stands elsewhere in the body."""


def read_amount(_kind: type[Any], value: object) -> Amount:
    """The decoder's hook for Amount: reads ``"19.99"`` and ``19.99``, both exactly.

    Decimal would also read NaN, 1e999999999 and digits of other scripts, each of which breaks
    something later: a comparison, the memory, a database column. Raises ValueError for them.
    """
    text = str(value)
    if not _PLAIN.fullmatch(text):
        raise ValueError("Expected an amount of money")
    return Amount(text)


class Money(msgspec.Struct, frozen=True):
    """An amount with its currency."""

    amount: Amount
    currency: Currency = msgspec.field(name="currency_code")


class MoneySet(msgspec.Struct, frozen=True, kw_only=True):
    """One price twice: in the shop's currency, and as the customer saw it."""

    shop_money: Money | None = None
    presentment_money: Money | None = None


class WithId(msgspec.Struct, frozen=True, kw_only=True):
    """Anything with an id. ``id`` is exact even where the body's own number was rounded.

    A tool that reads JSON numbers as doubles (every JavaScript one) rounds a 64-bit id on the
    way, as in 36 of Shopify's published samples; the global id is text and survives.
    """

    id: Id
    admin_graphql_api_id: str | None = None

    def __post_init__(self) -> None:
        found = _GLOBAL_ID.fullmatch(self.admin_graphql_api_id or "")
        if found:
            msgspec.structs.force_setattr(self, "id", unrounded(self.id, int(found[1])))


_GLOBAL_ID = re.compile(r"gid://shopify/[A-Za-z]+/([0-9]{1,19})", re.ASCII)


def unrounded(number: int, exact: int) -> int:
    """``exact`` where ``number`` is that rounded to a double, else ``number`` as it is.

    Two numbers that differ and yet are the same double: nothing but rounding does that.
    """
    return exact if float(exact) == float(number) else number
