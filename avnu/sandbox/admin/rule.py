"""One fault that is set: which, for whom, how often."""

from typing import Annotated, Literal

import msgspec

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400)]


class Rule(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A row of the weather. Also the body of ``POST /sandbox/weather``.

    ``shop``: None for all. ``times``: calls that still get it; None until it is changed.
    ``on``: GraphQL calls, token exchanges, or both. ``seconds`` (and ``most_seconds``, for a
    range) and ``text`` mean what the fault says; None is its own default.
    """

    name: str
    shop: str | None = None
    times: Annotated[int, msgspec.Meta(ge=1)] | None = None
    probability: Share = 1.0
    on: Literal["graphql", "token", "all"] = "graphql"
    seconds: Seconds | None = None
    most_seconds: Seconds | None = None
    text: str | None = None

    def matches(self, shop: str, on: str) -> bool:
        """Whether it is meant for such a call."""
        return self.shop in (None, shop) and self.on in (on, "all")
