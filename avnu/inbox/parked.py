"""Which shops are parked, and why: looks that change nothing and hold nothing up."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from avnu import keys
from avnu.inbox.forms import Place, read_place
from avnu.keys import Keys

_CHUNK = 500


def shops_parked_for(client: Any, names: Keys, causes: Collection[str]) -> list[str]:
    """Full domains of the shops that are parked, in any area, for one of ``causes``."""
    found = (shop for shop, cause in _parked(client, names) if cause in causes)
    return list(dict.fromkeys(map(keys.domain, found)))


def parked_by_cause(places: Iterable[Mapping[str, Place]]) -> dict[str, int]:
    """How many shops are parked for each cause; one that waits in two areas counts once.

    ``places``: of each area, where its shops stand.
    """
    seen = {
        (shop, place.cause)
        for area in places
        for shop, place in area.items()
        if place.state == "parked" and place.cause
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
            if place and (cause := read_place(place).cause):
                yield shop, cause
