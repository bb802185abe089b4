"""A digest of a version's content: the same for two that say the same, however they say it."""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from avnu.store.market.versions import Part, Standing

P = TypeVar("P", bound=Part)

# What is no content: the version itself, what not every source can tell, and what has versions of
# its own.
_NOT_CONTENT = frozenset({"updated_at", "read_at", "utc_offset_min", "refunds", "fulfillments"})
_BYTES = 16


def digest_of(version: Standing) -> str:
    """32 hexadecimal digits. Amounts count by value (12.5 is 12.50), times by their instant,
    parts in any order; a field that is None is the same as none, so a new column changes nothing.
    """
    content = msgspec.json.encode(_content(version), order="deterministic")
    return hashlib.blake2b(content, digest_size=_BYTES).hexdigest()


def ordered(parts: Iterable[P]) -> list[P]:
    """By id, each id once: the last, should a body repeat one."""
    by_id = {part.id: part for part in parts}
    return [by_id[number] for number in sorted(by_id)]


def _content(struct: msgspec.Struct) -> dict[str, Any]:
    return {
        name: _plain(value)
        for name in struct.__struct_fields__
        if name not in _NOT_CONTENT and (value := getattr(struct, name)) is not None
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return _digits(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, tuple):
        if value and isinstance(value[0], Part):
            return [_content(part) for part in ordered(value)]
        return list(value)
    return value


def _digits(value: Decimal) -> str:
    # Not normalize(), which rounds to the 28 digits of the thread's context.
    text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
