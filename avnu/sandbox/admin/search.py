"""The ``query`` of a connection: some of Shopify's search syntax.

Terms stand beside each other and all must hold: ``updated_at:>'2026-11-20T10:00:00Z'
vendor:"Amber Tea"``. What is not known here is refused rather than passed over, because a search
that finds too much is found out late. To add a field: a row in the ``Fields`` of its kind.
"""

import operator
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

import msgspec

from avnu.sandbox.admin.refusal import bad_request

_TERM = re.compile(
    r"""\s*(?:AND\s+)?(?P<field>[a-z_]+):(?P<op>>=|<=|>|<)?(?:"(?P<a>[^"]*)"|'(?P<b>[^']*)'|(?P<c>[^\s"'()]+))"""
)
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = MappingProxyType(
    {
        ">": operator.gt,
        ">=": operator.ge,
        "<": operator.lt,
        "<=": operator.le,
        "": operator.eq,
    }
)


class Field(msgspec.Struct, frozen=True):
    """How a field's value is read from the query, and from a resource by its id."""

    parse: Callable[[str], Any]
    read: Callable[[int], Any]


#: The fields that one kind of resource can be searched by; ``updated_at`` is in every listing.
Fields = Mapping[str, Field]


class Term(msgspec.Struct, frozen=True):
    """One condition."""

    field: str
    operator: str  # "" is equality
    wanted: Any
    read: Callable[[int], Any]

    def holds(self, own_id: int) -> bool:
        """Whether it is true of a resource."""
        return _COMPARE[self.operator](self.read(own_id), self.wanted)


def moment(text: str) -> int:
    """Whole unix seconds of a time with its offset; raises ValueError."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("a time without an offset")
    return int(found.timestamp())


def read_terms(query: str, fields: Fields) -> list[Term]:
    """The terms of a query; raises a GraphQL error for what is not known."""
    known = {**fields, "updated_at": Field(moment, lambda own_id: own_id)}
    terms = []
    at = 0
    text = query.strip()
    while at < len(text):
        match = _TERM.match(text, at)
        if match is None or match["field"] not in known:
            raise bad_request(
                f"the sandbox cannot search for {text[at:].strip()!r}; "
                f"it knows field:value, with > >= < <=, of {', '.join(known)}"
            )
        name = match["field"]
        value = next(match[part] for part in ("a", "b", "c") if match[part] is not None)
        try:
            wanted = known[name].parse(value)
        except ValueError:
            raise bad_request(f"Invalid value for query filter `{name}`.") from None
        terms.append(Term(name, match["op"] or "", wanted, known[name].read))
        at = match.end()
    return terms
