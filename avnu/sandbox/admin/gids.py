"""Shopify's global ids: ``gid://shopify/Product/123``."""

import re

from avnu.sandbox.admin.refusal import refusal

_GID = re.compile(r"gid://shopify/([A-Za-z]+)/([0-9]{1,20})")
#: A level's own number is its location's in the sandbox.
_LEVEL = re.compile(r"gid://shopify/InventoryLevel/([0-9]{1,20})\?inventory_item_id=([0-9]{1,20})")


def gid(kind: str, number: int) -> str:
    """The global id of resource ``number`` of a kind, e.g. ``Product``."""
    return f"gid://shopify/{kind}/{number}"


def parts(text: str) -> tuple[str, int]:
    """Kind and number of a global id; raises a GraphQL error as Shopify words it."""
    match = _GID.fullmatch(text)
    if match is None:
        raise refusal(f"Invalid global id '{text}'", "argumentLiteralsIncompatible")
    return match[1], int(match[2])


def level_parts(text: str) -> tuple[int, int]:
    """Item and location in the global id of an inventory level; raises a GraphQL error."""
    match = _LEVEL.fullmatch(text)
    if match is None:
        raise refusal(f"Invalid global id '{text}'", "argumentLiteralsIncompatible")
    return int(match[2]), int(match[1])


def number_in(text: str, kind: str) -> int:
    """The number in the global id of a ``kind``; raises a GraphQL error for any other."""
    found, number = parts(text)
    if found != kind:
        raise refusal(f"Invalid id: {text}", "RESOURCE_NOT_FOUND")
    return number
