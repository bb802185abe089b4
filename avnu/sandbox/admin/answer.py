"""An HTTP answer before it is sent, and how it is sent: whole, in part, or not at all."""

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

JSON = "application/json; charset=utf-8"
_NONE: Mapping[str, str] = MappingProxyType({})


class Manner(enum.Enum):
    """How the bytes go out."""

    WHOLE = "whole"
    CUT = "cut"  # half of what Content-Length promises, then the connection ends
    SLOW = "slow"  # a byte now and then
    ENDLESS = "endless"  # spaces without end
    NONE = "none"  # the connection is reset


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What one call gets. ``outcome`` is the class under which it is counted."""

    status: int
    body: bytes
    outcome: str
    headers: Mapping[str, str] = _NONE
    manner: Manner = Manner.WHOLE
    gap_s: float = 0.0  # between the bytes of a slow or endless answer
    requested: int = 0  # points that were taken from the bucket
    spent: int = 0  # points that were not given back


def told(status: int, document: Any, outcome: str, **more: Any) -> Answer:
    """A JSON answer; ``more`` are fields of Answer."""
    headers = {"Content-Type": JSON, **more.pop("headers", {})}
    body = msgspec.json.encode(document)
    return Answer(status=status, body=body, outcome=outcome, headers=headers, **more)


def refused(status: int, errors: Any) -> Answer:
    """A call that ends with its HTTP status, worded like Shopify's: ``{"errors": …}``."""
    return told(status, {"errors": errors}, f"http_{status}")
