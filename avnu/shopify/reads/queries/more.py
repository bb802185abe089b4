"""What of a resource does not fit into the query that reads many: the further pages of one list.

To add a list: one line with ``more``, beside the query that has its first page.
"""

from typing import Any, Generic, TypeVar

import msgspec

from avnu.shopify.payloads.fields import Time
from avnu.shopify.query import Connection, Query
from avnu.shopify.reads.queries.fields import PAGE

N = TypeVar("N")


class Owner(msgspec.Struct, Generic[N], frozen=True, rename="camel"):
    """A page, and which version of its owner it belongs to."""

    updated_at: Time
    page: Connection[N]


class More(msgspec.Struct, Generic[N], frozen=True):
    """Data of a query for more; None: what the list belongs to is not there any more."""

    node: Owner[N] | None = None


def more(
    name: str,
    kind: str,
    field: str,
    node: str,
    answer: Any,
    *,
    first: int,
    each: int,
    args: str = "",
) -> Query[More[Any]]:
    """Reads a page of ``field`` of a ``kind``; ``each`` is what one ``node`` costs, in points.

    Variables: ``id`` of the owner and ``after``, where the page begins.
    """
    return Query(
        name=name,
        text=(
            f"query {name}($id: ID!, $after: String) {{ node(id: $id) {{ ... on {kind} {{ updatedAt"
            f" page: {field}(first: {first}, after: $after{args}) {{ nodes {{ {node} }} {PAGE} }}"
            " } } }"
        ),
        answer=More[answer],
        cost=1 + first * each,
    )
