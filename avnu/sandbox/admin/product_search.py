"""The ``query`` of ``products``: some of Shopify's search syntax.

Terms stand beside each other and all must hold: ``updated_at:>'2026-11-20T10:00:00Z'
vendor:"Amber Tea"``. What is not known here is refused rather than passed over, because a search
that finds too much is found out late. To add a field: a row in ``_FIELDS``.
"""

import operator
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from avnu.sandbox import catalog
from avnu.sandbox.admin.refusal import bad_request
from avnu.sandbox.admin.shop_world import ShopWorld

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

#: How a field's value is read from the query, and from a product.
_Field = tuple[Callable[[str], Any], Callable[[ShopWorld, int], Any]]


def _moment(text: str) -> float:
    return int(datetime.fromisoformat(text).timestamp())


def _changed_at(shop: ShopWorld, number: int) -> float:
    return int(shop.version(number)[1])


def _title(shop: ShopWorld, number: int) -> str:
    return catalog.product_title(shop.shop, number).lower()


_FIELDS: Mapping[str, _Field] = MappingProxyType(
    {
        "id": (int, lambda shop, number: catalog.product_id(shop.shop, number)),
        "updated_at": (_moment, _changed_at),
        "status": (str.lower, lambda _shop, _number: "active"),
        "title": (str.lower, _title),
        "handle": (str.lower, lambda shop, number: _title(shop, number).replace(" ", "-")),
        "product_type": (str.lower, lambda shop, number: _title(shop, number).split()[1]),
        "vendor": (str.lower, lambda shop, _number: shop.shop.name.lower()),
    }
)


def matching(query: str, shop: ShopWorld) -> list[int]:
    """The ids of the products that all terms hold for, ascending."""
    terms = _terms(query)
    return [
        product_id
        for product_id, number in zip(shop.product_ids(), shop.numbers(), strict=True)
        if all(compare(read(shop, number), wanted) for read, compare, wanted in terms)
    ]


def _terms(
    query: str,
) -> list[tuple[Callable[[ShopWorld, int], Any], Callable[[Any, Any], bool], Any]]:
    terms = []
    at = 0
    text = query.strip()
    while at < len(text):
        match = _TERM.match(text, at)
        if match is None or match["field"] not in _FIELDS:
            raise bad_request(
                f"the sandbox cannot search for {text[at:].strip()!r}; "
                f"it knows field:value, with > >= < <=, of {', '.join(_FIELDS)}"
            )
        parse, read = _FIELDS[match["field"]]
        value = next(match[name] for name in ("a", "b", "c") if match[name] is not None)
        try:
            terms.append((read, _COMPARE[match["op"] or ""], parse(value)))
        except ValueError:
            message = f"Invalid value for query filter `{match['field']}`."
            raise bad_request(message) from None
        at = match.end()
    return terms
