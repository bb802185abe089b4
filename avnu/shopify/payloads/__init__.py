"""Webhook payloads as typed structs, one module per area, and the one way to read them.

Only fields that Avnu uses are declared: an unknown or new one can break nothing, and personal
data that nobody needs is never built. Two rules hold for every struct:

- ``None`` means that the body does not say: the field is null, or missing, or the body is
  only ``{"id": …}``, as Shopify sends it when the whole would be too large. It never means
  empty: an order with no lines has ``line_items == ()``.
- Ids are exact 64-bit integers, money is Decimal with its currency, times keep the UTC offset
  that Shopify sent.
"""

import functools
from collections.abc import Hashable
from typing import Any, TypeVar, cast

import msgspec

from avnu.errors import Unreadable
from avnu.shopify.payloads.fields import read_amount

T = TypeVar("T")


def decode(body: bytes, kind: type[T]) -> T:
    """The payload ``body`` as a ``kind``, e.g. ``decode(body, Order)``.

    Raises Unreadable, which names the field at fault and never its value, when the body is
    not JSON, or lacks an id, or holds something of another type than Shopify documents.
    """
    try:
        payload: T = _decoder(cast("Hashable", kind)).decode(body)
    except msgspec.MsgspecError as fault:
        reason = str(fault)
    except UnicodeDecodeError:
        reason = "text that is not UTF-8"
    except RecursionError:
        reason = "JSON nested too deep"
    else:
        return payload
    # Outside the except blocks: a UnicodeDecodeError carries the whole body along.
    raise Unreadable(f"{kind.__name__}: {reason}")


@functools.cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    # float_hook: an amount sent as a JSON number keeps its digits, it never becomes a float.
    return msgspec.json.Decoder(kind, dec_hook=read_amount, float_hook=str)
