"""A shop's tokens in memory, and what of them goes into the database.

Facts: offline access tokens live 3600 s and refresh tokens 90 days; older ones never expire
(reference: Shopify's documentation of offline access tokens, 2026-07).
"""

import dataclasses
import random
import re
from typing import Any, NoReturn

from avnu.secret import Secret
from avnu.store.columns import instant
from avnu.store.vault import Vault

ACCESS = "access_token"
REFRESH = "refresh_token"

_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")

# What a token with a refresh token is taken to live when Shopify's answer does not say.
_ASSUMED_S = 3600.0
# A new pair is asked for in the last 10 to 20 % of a token's life, by chance, so that shops
# installed in one go do not all ask in the same minute.
_EARLY = (0.1, 0.2)


def is_token(text: object) -> bool:
    """True for what can be a token at all: printable ASCII without blanks."""
    return isinstance(text, str) and _TOKEN.fullmatch(text) is not None


class _StaysHere:
    """Cannot be pickled: a token has no business in a message or a file."""

    __slots__ = ()

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} does not leave its process")


@dataclasses.dataclass(frozen=True, slots=True)
class AccessToken(_StaysHere):
    """A token to call the shop with. ``expires_s`` is unix time; None for never or not known.

    ``frozen``: when it was looked up, the shop was noted as frozen. ``revived``: it was got just
    now, for a shop that had none which lived.
    """

    shop: str
    secret: Secret
    expires_s: float | None = None
    frozen: bool = False
    revived: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class TokenPair(_StaysHere):
    """What Shopify, or an operator, gave. Lifetimes are counted from now; None means not said.

    ``refresh`` is empty where there is none. A lifetime of 0 or less: the token is used no more.
    """

    access: Secret
    refresh: Secret = dataclasses.field(default_factory=Secret)
    expires_in_s: float | None = None
    refresh_expires_in_s: float | None = None


def columns_of(
    vault: Vault, shop: str, pair: TokenPair, now_s: float, chance: random.Random
) -> dict[str, Any]:
    """The columns that keep a new pair: sealed tokens and their times.

    A pair without a refresh token leaves the stored one alone: it is the only one there is.
    """
    life_s, early = pair.expires_in_s, chance.uniform(*_EARLY)
    due_s: float | None = None
    if life_s is not None:
        due_s = now_s + max(life_s, 0.0) * (1 - early)
    elif pair.refresh:
        due_s = now_s + _ASSUMED_S * (1 - early)
    columns: dict[str, Any] = {
        ACCESS: vault.seal(shop, ACCESS, pair.access),
        "access_expires_at": None if life_s is None else instant(now_s + life_s),
        "access_due_at": None if due_s is None else instant(due_s),
    }
    if pair.refresh:
        refresh_s = pair.refresh_expires_in_s
        columns[REFRESH] = vault.seal(shop, REFRESH, pair.refresh)
        columns["refresh_expires_at"] = None if refresh_s is None else instant(now_s + refresh_s)
    return columns
