"""Which shops are parked, and why: a look that changes nothing and holds nothing up."""

from collections.abc import Collection
from typing import Any

from avnu import keys
from avnu.keys import Keys

_CHUNK = 500
# Fields of a place (see lua/_shop_read.lua): letter and partition, since, times, until, cause.
_CAUSE = 4


def shops_parked_for(client: Any, names: Keys, causes: Collection[str]) -> list[str]:
    """Full domains of the shops that are parked, in any area, for one of ``causes``."""
    found: dict[str, None] = {}
    start = 0
    while some := client.zrange(names.of("parked"), start, start + _CHUNK - 1):
        where = [member.decode().partition("/") for member in some]
        with client.pipeline(transaction=False) as pipe:
            for area, _, shop in where:
                pipe.hget(names.of("place", area), shop)
            places = pipe.execute()
        for (_, _, shop), place in zip(where, places, strict=True):
            if place is not None and _cause(place.decode()) in causes:
                found[keys.domain(shop)] = None
        start += _CHUNK
    return list(found)


def _cause(place: str) -> str:
    fields = place.split("\t")
    return fields[_CAUSE] if len(fields) > _CAUSE else ""
