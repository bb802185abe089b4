"""A query as code: its text, what it is called, and the type of its answer.

    SHOP = Query(name="Shop", text="query Shop { shop { name } }", answer=ShopAnswer)
    PRODUCTS = NodesQuery(name="Products", kind="Product", fields="id title", answer=ProductNode)

``name`` is the operation's name in the text as well: budget and counters know a query by it. To add
one, write it in ``queries.py``; a look-up that is cached also needs a row in ``lookups.py``.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar
from uuid import UUID, uuid5

import msgspec

from avnu.budget import MOST_POINTS

T = TypeVar("T")
N = TypeVar("N")

# No list that is given to Shopify may be longer (Shopify's page on API limits).
MOST_IDS = 250
# Any fixed number: keys are the same in every process and release.
_KEYS = UUID("a5f6d1c2-53f0-4e0c-9a64-3f3b7f6e2d11")


class Query(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """Reads one thing. ``answer`` is the type of ``data``; ``cost`` a first guess in points.

    ``partial``: what Shopify does not show to this app may be missing (null) in the answer.
    """

    name: str
    text: str
    answer: Any  # type[T]; a generic struct such as Connection[…] is no type to mypy
    cost: float = 0.0
    partial: bool = False

    def request(self, variables: Mapping[str, Any]) -> "Request":
        """The call with these variables."""
        return Request(
            name=self.name, text=self.text, shape=self.name, cost=self.cost, variables=variables
        )


class NodesQuery(msgspec.Struct, Generic[N], frozen=True, kw_only=True):
    """Reads many things of one kind by id; ``each``: what one costs at most, in points."""

    name: str
    kind: str  # as Shopify spells it: "Product"
    fields: str
    answer: type[N]
    each: int = 1

    @property
    def text(self) -> str:
        """The query; its ids are the variable ``ids``."""
        return (
            f"query {self.name}($ids: [ID!]!)"
            f" {{ nodes(ids: $ids) {{ ... on {self.kind} {{ {self.fields} }} }} }}"
        )

    def request(self, ids: Sequence[int]) -> "Request":
        """The call for these ids: what it costs depends on how many, and so does what is learnt."""
        return Request(
            name=self.name,
            text=self.text,
            shape=f"{self.name}:{len(ids)}",
            cost=self.each * len(ids),
            variables={"ids": [gid(self.kind, number) for number in ids]},
        )

    @property
    def most(self) -> int:
        """How many ids fit into one query."""
        return max(1, min(MOST_IDS, MOST_POINTS // self.each))


class UserError(msgspec.Struct, frozen=True):
    """Why a mutation was not carried out, as its payload says."""

    message: str
    field: tuple[str, ...] | None = None


class Payload(msgspec.Struct, frozen=True, rename="camel"):
    """What every mutation's payload holds; the others derive from it."""

    user_errors: tuple[UserError, ...] = ()


P = TypeVar("P", bound=Payload)


class Mutation(msgspec.Struct, Generic[P], frozen=True, kw_only=True):
    """Changes something. ``field`` is the root field, ``answer`` the type of what it holds.

    ``idempotent``: the text has a ``@idempotent(key: $key)``, so repeating it is harmless.
    """

    name: str
    field: str
    text: str
    answer: type[P]
    cost: float = 10.0
    idempotent: bool = False

    def request(self, variables: Mapping[str, Any]) -> "Request":
        """The call with these variables."""
        return Request(
            name=self.name,
            text=self.text,
            shape=self.name,
            cost=self.cost,
            variables=variables,
            repeatable=self.idempotent,
        )


class PageInfo(msgspec.Struct, frozen=True, rename="camel"):
    """Whether a connection goes on, and where."""

    has_next_page: bool = False
    end_cursor: str | None = None


class Connection(msgspec.Struct, Generic[N], frozen=True, rename="camel"):
    """One page of a list."""

    nodes: tuple[N, ...]
    page_info: PageInfo


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One call as it is sent. ``shape``: what the budget learns its cost by.

    ``repeatable``: sending it twice does no harm.
    """

    name: str
    text: str
    shape: str
    cost: float
    variables: Mapping[str, Any]
    repeatable: bool = True

    def body(self) -> bytes:
        """The JSON that is posted. Raises TypeError for variables that JSON does not know."""
        return msgspec.json.encode(
            {"query": self.text, "operationName": self.name, "variables": self.variables}
        )


def gid(kind: str, number: int) -> str:
    """``gid("Product", 5)`` → ``gid://shopify/Product/5``."""
    return f"gid://shopify/{kind}/{number}"


def number_of(global_id: str) -> int:
    """The number in a global id. Raises ValueError for what is none."""
    path = global_id.partition("?")[0]
    return int(path.rpartition("/")[2])


def idempotency_key(shop: str, webhook_id: str, mutation: str, part: str = "") -> str:
    """The same for each run of the same webhook, so that a repeated run changes nothing twice.

    ``part`` tells several of one webhook's mutations apart.
    """
    return str(uuid5(_KEYS, f"{shop}/{webhook_id}/{mutation}/{part}"))
