"""A request as it arrived."""

from collections.abc import Mapping
from typing import Any

import msgspec


class Call(msgspec.Struct, frozen=True):
    """One HTTP request. ``shop`` is its Host header without the port, in lower case."""

    method: str
    path: str  # without the query string
    shop: str
    headers: Mapping[str, str]  # by their names in lower case
    body: bytes
    at: float  # monotonic seconds


class Query(msgspec.Struct, rename="camel"):
    """The body of a GraphQL call."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None


_query = msgspec.json.Decoder(Query)


def query_of(call: Call) -> Query | None:
    """What a call asks, or None when its body is no GraphQL call."""
    try:
        return _query.decode(call.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
