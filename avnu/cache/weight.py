"""How many bytes a decoded value takes in this process."""

import sys
from collections.abc import Iterable

import msgspec

# Of one value in the process: its key, its place in cachetools' dicts and heap, its places in the
# index by tag, and what the allocator wastes. Measured: tests/integration/test_cache_bounds.py.
OVERHEAD = 2100


def weight(value: object) -> int:
    """Bytes of ``value`` and of all that it holds; what several share is counted for each."""
    total, waiting = OVERHEAD, [value]
    while waiting:
        item = waiting.pop()
        total += sys.getsizeof(item)
        waiting.extend(_held(item))
    return total


def _held(item: object) -> Iterable[object]:
    if isinstance(item, msgspec.Struct):
        return (getattr(item, name) for name in item.__struct_fields__)
    if isinstance(item, dict):
        return (*item.keys(), *item.values())
    if isinstance(item, tuple | list | frozenset | set):
        return item
    return ()
