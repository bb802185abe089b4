"""A customer as a request names them: which bodies speak of them, and what is left of those. Pure.

A body that is taken for theirs and is not loses nothing: what is left of it has the ids by which
its resource is read from Shopify again. So where they are to be forgotten, in doubt it is theirs.
Where a customer is to be told what there is of them, in doubt it is not: a family or a company has
one phone.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Self

import msgspec

from avnu.compliance.first_look import FirstLook
from avnu.shopify.payloads.compliance import Customer
from avnu.store.subjects import digits_of, email_of

# Equal numbers of this size are the same thing, wherever they stand.
_LARGE = 10**6
# The end of a phone number is the same with its country's code and without.
_PHONE_DIGITS = 9
_LEAST_PHONE_DIGITS = 6

# What names a resource or its shop, and no person.
_IDS = (
    "id",
    "order_id",
    "inventory_item_id",
    "location_id",
    "shop_id",
    "orders_to_redact",
)
_TEXTS = ("admin_graphql_api_id", "shop_domain", "myshopify_domain")
_NESTED = ("order_edit", "data_request")
_PLAIN = re.compile(r"[a-zA-Z0-9:/._-]{1,200}")

_Leaf = tuple[str, str, int | str]  # the name of what it stands in, its own, and the value


class Person:
    """Found by id, e-mail, phone, or orders. ``orders`` grows by those that bodies name."""

    def __init__(
        self, customer_id: int | None, email: str, phone: str, orders: Iterable[int] = ()
    ) -> None:
        self.customer_id = customer_id
        self.orders = set(orders)
        # Not the end or the beginning of a longer address.
        self._email = _whole(email_of(email))
        self._phone = digits_of(phone)[-_PHONE_DIGITS:]
        if len(self._phone) < _LEAST_PHONE_DIGITS:
            self._phone = ""
        self._first_look = FirstLook(email_of(email), self._phone)

    @classmethod
    def of(cls, customer: Customer | None, orders: Iterable[int]) -> Self:
        """Whom a request names."""
        if customer is None:
            return cls(None, "", "", orders)
        return cls(customer.id, customer.email or "", customer.phone or "", orders)

    @classmethod
    def surely(cls, customer: Customer | None, orders: Iterable[int]) -> Self:
        """The same, for what is theirs and nobody else's: by phone only where there is no more."""
        named = customer is not None and (customer.id is not None or customer.email)
        sure = msgspec.structs.replace(customer, phone=None) if customer and named else customer
        return cls.of(sure, orders)

    def speaks(self, topic: str, body: bytes) -> bool:
        """Whether a body speaks of them; the orders that it names are theirs from then on."""
        if not self._first_look.may_speak(body, self._numbers()):
            return False
        document = _read(body)
        if document is None:
            return self._in_text(body.decode(errors="replace"))
        leaves = list(_leaves(document))
        if topic.startswith("orders/") and isinstance(document, dict):
            number = document.get("id")
            leaves += [("", "order_id", number)] if type(number) is int else []
        if not any(self._theirs(leaf) for leaf in leaves):
            return False
        self.orders |= {
            value for _, name, value in leaves if name == "order_id" and isinstance(value, int)
        }
        return True

    def bare(self, topic: str, body: bytes) -> bytes | None:
        """What is left of a body that speaks of them; None where nothing has to go."""
        if not self.speaks(topic, body):
            return None
        document = _read(body)
        left = skeleton(document)
        return None if left == document else msgspec.json.encode(left)

    def _numbers(self) -> set[int]:
        return self.orders if self.customer_id is None else {*self.orders, self.customer_id}

    def _theirs(self, leaf: _Leaf) -> bool:
        owner, name, value = leaf
        if isinstance(value, str):
            return self._in_text(value)
        if value == self.customer_id:
            return value >= _LARGE or name == "customer_id" or (owner, name) == ("customer", "id")
        if value in self.orders:
            return value >= _LARGE or name in ("order_id", "orders_to_redact", "orders_requested")
        return False

    def _in_text(self, text: str) -> bool:
        if self._email and self._email.search(text.casefold()):
            return True
        if self._phone and self._phone in digits_of(text):
            return True
        if self.customer_id is not None and text.endswith(f"/Customer/{self.customer_id}"):
            return True
        return any(text.endswith(f"/Order/{number}") for number in self.orders)


def same(one: Customer, other: Customer) -> bool:
    """Whether two requests are about one customer, by the surest that both name."""
    if one.id is not None and other.id is not None:
        return one.id == other.id
    if one.email and other.email:
        return email_of(one.email) == email_of(other.email)
    if one.phone and other.phone:
        return digits_of(one.phone) == digits_of(other.phone)
    return False


def _whole(email: str) -> re.Pattern[str] | None:
    if not email:
        return None
    return re.compile(rf"(?<![\w.%+-]){re.escape(email)}(?![\w-]|\.\w)")


def customers_in(body: bytes) -> set[int]:
    """Ids of the customers that a body names as such."""
    document = _read(body)
    return {
        value
        for owner, name, value in _leaves(document)
        if isinstance(value, int)
        and value > 0
        and (name == "customer_id" or (owner, name) == ("customer", "id"))
    }


def skeleton_of(body: bytes) -> bytes:
    """A body with nothing but ids."""
    return msgspec.json.encode(skeleton(_read(body)))


def skeleton(document: Any) -> dict[str, Any]:
    """The ids in a body, by which its handler finds out the rest; ``{}`` for what is no object."""
    if not isinstance(document, dict):
        return {}
    left = {name: document[name] for name in _IDS if _is_ids(document.get(name))}
    left |= {name: document[name] for name in _TEXTS if _is_plain(document.get(name))}
    left |= {
        name: skeleton(document[name]) for name in _NESTED if isinstance(document.get(name), dict)
    }
    return left


def _is_ids(value: Any) -> bool:
    several = value if isinstance(value, list) else [value]
    return all(type(one) is int for one in several)


def _is_plain(value: Any) -> bool:
    return isinstance(value, str) and _PLAIN.fullmatch(value) is not None


def _read(body: bytes) -> Any:
    """The document; None for what is none."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _leaves(document: Any) -> Iterator[_Leaf]:
    stack: list[tuple[str, str, Any]] = [("", "", document)]
    while stack:
        owner, name, value = stack.pop()
        if isinstance(value, dict):
            stack += [(name, inner, one) for inner, one in value.items()]
            yield from ((name, inner, inner) for inner in value)
        elif isinstance(value, list):
            stack += [(owner, name, one) for one in value]
        elif isinstance(value, str) or type(value) is int:
            yield owner, name, value
