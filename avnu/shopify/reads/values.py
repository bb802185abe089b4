"""Values in an answer: ids, amounts, words. What is none raises ValueError."""

from decimal import Decimal

from avnu.shopify.payloads.fields import Amount, read_amount
from avnu.shopify.query import number_of
from avnu.shopify.reads.queries.fields import Money, MoneyBag, Named

_LARGEST_ID = 2**63 - 1


def id_of(global_id: str) -> int:
    """The number in a global id, as exact as a database holds it."""
    number = number_of(global_id)
    if not 1 <= number <= _LARGEST_ID:
        raise ValueError("an id of more than 64 bits")
    return number


def id_in(named: Named | None) -> int | None:
    """The number of what may be missing."""
    return None if named is None else id_of(named.id)


def amount(text: str | None) -> Decimal | None:
    """An exact amount."""
    return None if text is None else read_amount(Amount, text)


def amount_in(money: Money | None) -> Decimal | None:
    """The amount, without its currency."""
    return None if money is None else amount(money.amount)


def shop_amount(bag: MoneyBag | None) -> Decimal | None:
    """The amount in the shop's currency."""
    return None if bag is None else amount_in(bag.shop_money)


def word(enum: str | None) -> str | None:
    """An enum as the REST API and webhooks spell it: ``PARTIALLY_PAID`` → ``partially_paid``.

    Also one that is new: Shopify adds some with each version.
    """
    return None if enum is None else enum.lower()
