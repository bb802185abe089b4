"""Connections: one page of a list, with cursors.

A cursor is what Shopify's are: base64 of JSON that names the last row. A page goes on from that
row even when it has gone meanwhile, so nothing is shown twice and nothing is left out.
"""

import base64
import binascii
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from graphql import GraphQLResolveInfo

from avnu.sandbox.admin.refusal import bad_request
from avnu.sandbox.admin.source import Source


class _Cursor(msgspec.Struct):
    last_id: int
    last_value: str


def page(
    keys: Sequence[Any],
    make: Callable[[Any], Source],
    args: dict[str, Any],
    *,
    by_change: bool = False,
) -> Source:
    """The page of ``keys`` (ascending) that ``args`` (first, after, last, before) ask for.

    Keys are ids, or (time, id) where the list is ordered ``by_change``. ``make`` gives the node of
    a key. That ``first`` or ``last`` is there was seen to before.
    """
    after, before = args.get("after"), args.get("before")
    begin = 0 if after is None else bisect_right(keys, _key(after, by_change))
    end = len(keys) if before is None else bisect_left(keys, _key(before, by_change))
    end = max(begin, end)
    first, last = args.get("first"), args.get("last")
    if first is not None:
        chosen = keys[begin : min(end, begin + first)]
        more, fewer = begin + first < end, begin > 0
    else:
        assert last is not None
        start = max(begin, end - last)
        chosen = keys[start:end]
        more, fewer = end < len(keys), start > begin
    nodes = [make(key) for key in chosen]
    return {
        "nodes": nodes,
        "edges": lambda: [
            {"cursor": _cursor(key), "node": node} for key, node in zip(chosen, nodes, strict=True)
        ],
        "pageInfo": lambda: {
            "hasNextPage": more,
            "hasPreviousPage": fewer,
            "startCursor": _cursor(chosen[0]) if chosen else None,
            "endCursor": _cursor(chosen[-1]) if chosen else None,
        },
    }


def listed(source: Source, info: GraphQLResolveInfo[Any], **args: Any) -> Source:
    """Resolves a connection whose object has a list of functions under the field's name."""
    made = source[info.field_name]
    return page(range(len(made)), lambda place: made[place](), args)


def _cursor(key: int | tuple[int, int]) -> str:
    value, last_id = key if isinstance(key, tuple) else (key, key)
    return base64.b64encode(msgspec.json.encode(_Cursor(last_id, str(value)))).decode()


def _key(cursor: str, by_change: bool) -> Any:
    """The key that a cursor names; raises a GraphQL error for anything else."""
    try:
        named = msgspec.json.decode(base64.b64decode(cursor, validate=True), type=_Cursor)
        return (int(named.last_value), named.last_id) if by_change else named.last_id
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise bad_request("Invalid cursor for current pagination sort.") from None
