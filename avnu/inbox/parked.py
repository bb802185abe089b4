"""Which shops are parked, and why: looks that change nothing and hold nothing up."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from avnu import keys
from avnu.keys import Keys

_CHUNK = 500
# Fields of a place (see lua/_shop_read.lua): letter and partition, since, times, until, cause.
_CAUSE = 4


def shops_parked_for(client: Any, names: Keys, causes: Collection[str]) -> list[str]:
    """Full domains of the shops that are parked, in any area, for one of ``causes``."""
    found = (shop for shop, cause in _parked(client, names) if cause in causes)
    return list(dict.fromkeys(map(keys.domain, found)))


def parked_by_cause(places: Iterable[Mapping[bytes, bytes]]) -> dict[str, int]:
    """How many shops are parked for each cause; one that waits in two areas counts once.

    ``places``: of each area, where its shops stand.
    """
    seen = {
        (shop, cause)
        for area in places
        for shop, place in area.items()
        if place[:1] == b"p" and (cause := _cause(place))
    }
    return dict(sorted(Counter(cause for _, cause in seen).items()))


def _parked(client: Any, names: Keys) -> Iterator[tuple[str, str]]:
    """Short name and cause, per area in which a shop is parked."""
    # All at once: by rank, shops would be skipped as others leave the set meanwhile.
    every = client.zrange(names.of("parked"), 0, -1)
    for start in range(0, len(every), _CHUNK):
        where = [member.decode().partition("/") for member in every[start : start + _CHUNK]]
        with client.pipeline(transaction=False) as pipe:
            for area, _, shop in where:
                pipe.hget(names.of("place", area), shop)
            places = pipe.execute()
        for (_, _, shop), place in zip(where, places, strict=True):
            if cause := _cause(place or b""):
                yield shop, cause


def _cause(place: bytes) -> str:
    fields = place.decode().split("\t")
    return fields[_CAUSE] if len(fields) > _CAUSE else ""
