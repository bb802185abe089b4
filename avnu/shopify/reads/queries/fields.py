"""What the answers of several kinds share: ids, amounts, pages."""

from typing import Annotated

import msgspec

from avnu.shopify.payloads.fields import Currency

# What a column holds; anything else in an answer is nonsense, and says so when it is decoded.
Int = Annotated[int, msgspec.Meta(ge=-(2**63) + 1, le=2**63 - 1)]

PAGE = "pageInfo { hasNextPage endCursor }"
SHOP_MONEY = "{ shopMoney { amount currencyCode } }"
SEEN_MONEY = "{ presentmentMoney { amount currencyCode } }"
BOTH_MONEY = "{ shopMoney { amount currencyCode } presentmentMoney { amount currencyCode } }"


class Named(msgspec.Struct, frozen=True, rename="camel"):
    """An object of which only the id is wanted."""

    id: str


class Money(msgspec.Struct, frozen=True, rename="camel"):
    """An amount with its currency."""

    amount: str
    currency_code: Currency


class MoneyBag(msgspec.Struct, frozen=True, rename="camel"):
    """One price twice: in the shop's currency, and as the customer saw it."""

    shop_money: Money
    presentment_money: Money | None = None


class SeenMoney(msgspec.Struct, frozen=True, rename="camel"):
    """A price as the customer saw it."""

    presentment_money: Money
