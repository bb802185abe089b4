"""What a resolver knows of the call that it answers."""

from typing import TypeAlias

import msgspec
from graphql import GraphQLResolveInfo

from avnu.sandbox.admin.shop_world import ShopWorld

#: From this API version on, some mutations want a key and a quantity to compare with.
CAREFUL_SINCE = "2026-04"


class Asked(msgspec.Struct, frozen=True):
    """The shop that is asked, and how."""

    shop: ShopWorld
    plan: str  # a key of bucket.LIMITS
    version: str  # of the API: "2026-07", "unstable"
    at: float  # unix seconds

    @property
    def careful(self) -> bool:
        """Whether this version makes ``@idempotent`` and ``changeFromQuantity`` mandatory."""
        return self.version >= CAREFUL_SINCE


#: The second argument of every resolver.
Info: TypeAlias = GraphQLResolveInfo[Asked]
