"""What operators did: the last 10,000 acts, in a capped stream on DB 2."""

from typing import Any

import msgspec

from avnu.keys import Keys

_MOST = 10_000
_LONGEST = 500  # characters of one field


class Act(msgspec.Struct, frozen=True):
    """One act. ``what``: the command; ``of``: what it was given; ``ended``: done, or the error."""

    who: str  # user of the host's system
    host: str
    what: str
    of: str
    ended: str
    at_ms: int = 0  # unix ms, of the server


def note_act(client: Any, names: Keys, act: Act) -> None:
    """Add it; the oldest goes when there are too many. Raises what redis-py raises."""
    fields = {name: str(getattr(act, name))[:_LONGEST] for name in Act.__struct_fields__[:-1]}
    client.xadd(names.of("acts"), fields, maxlen=_MOST, approximate=True)


def latest_acts(client: Any, names: Keys, most: int) -> list[Act]:
    """Newest first. Raises what redis-py raises."""
    return [
        Act(
            **{name.decode(): value.decode(errors="replace") for name, value in fields.items()},
            at_ms=int(id_.partition(b"-")[0]),
        )
        for id_, fields in client.xrevrange(names.of("acts"), count=most)
    ]
