"""The tokens that the sandbox has given out.

Facts (Shopify's documentation of offline access tokens, 2026-08): an expiring access token lives
3,600 s, its refresh token 90 days; a refresh token that was used stays good until its replacement
is used; an access token lives to its end whatever becomes of its refresh token; a new acquisition
puts an end to the refresh tokens before it. A token of client credentials lives 24 hours.
"""

import hashlib
import math
import random
import threading

import msgspec

from avnu.clock import Clock

ACCESS_LIFE_S = 3_600.0
REFRESH_LIFE_S = 7_776_000.0
CREDENTIALS_LIFE_S = 86_399.0
SCOPE = "read_inventory,write_inventory,read_locations,read_orders,read_products,write_products"


class GrantInvalid(Exception):
    """The refresh token is of no use, or of no more use."""


class Issued(msgspec.Struct, frozen=True, omit_defaults=True):
    """What Shopify answers; lifetimes in seconds, None of a token that lasts."""

    access_token: str
    scope: str = ""
    expires_in: float | None = None
    refresh_token: str | None = None
    refresh_token_expires_in: float | None = None


class _Book(msgspec.Struct):
    """The good tokens of one shop, with the unix time at which each ends."""

    access: dict[str, float] = {}
    refresh: dict[str, float] = {}  # the newest, and the one that it replaced
    newest: str = ""
    lasting: str = ""


class TokenDesk:
    """All shops' tokens. Safe to use from several threads.

    ``token_life_s``: how long access tokens live that are issued from now on.
    """

    def __init__(
        self, clock: Clock, rng: random.Random, token_life_s: float = ACCESS_LIFE_S
    ) -> None:
        self.token_life_s = token_life_s
        self._clock = clock
        self._rng = rng
        self._lock = threading.Lock()
        self._books: dict[str, _Book] = {}

    def issue(self, shop: str, *, expiring: bool = True) -> Issued:
        """The first pair of a shop, or its lasting token: the same one as long as it is good."""
        with self._lock:
            book = self._book(shop)
            if expiring:
                return self._pair(book, shop, used="")
            if book.lasting not in book.access:
                book.lasting = self._access(book, shop, math.inf)
            return Issued(book.lasting, SCOPE)

    def issue_for_credentials(self, shop: str) -> Issued:
        """A token of client credentials, which has no refresh token."""
        with self._lock:
            token = self._access(self._book(shop), shop, CREDENTIALS_LIFE_S)
            return Issued(token, SCOPE, _written(CREDENTIALS_LIFE_S))

    def refresh(self, shop: str, refresh_token: str) -> Issued:
        """A new pair for a refresh token; raises GrantInvalid."""
        with self._lock:
            book = self._book(shop)
            if book.refresh.get(refresh_token, 0.0) <= self._clock.time():
                raise GrantInvalid
            return self._pair(book, shop, used=refresh_token)

    def is_good(self, shop: str, access_token: str) -> bool:
        """Whether the API takes this token now."""
        with self._lock:
            return self._book(shop).access.get(access_token, 0.0) > self._clock.time()

    def expire(self, shop: str) -> None:
        """End the shop's access tokens now; refresh tokens stay good."""
        with self._lock:
            self._book(shop).access.clear()

    def revoke(self, shop: str) -> None:
        """End all tokens of the shop, as when the app is removed."""
        with self._lock:
            self._books.pop(shop, None)

    def dump(self) -> bytes:
        """All good tokens, for ``load``: a sandbox that starts again knows its shops."""
        with self._lock:
            return msgspec.msgpack.encode(self._books)

    def load(self, dumped: bytes) -> None:
        """Take over what ``dump`` wrote. Raises msgspec.MsgspecError for anything else."""
        books = msgspec.msgpack.decode(dumped, type=dict[str, _Book])
        with self._lock:
            self._books = books

    def _book(self, shop: str) -> _Book:
        return self._books.setdefault(shop, _Book())

    def _pair(self, book: _Book, shop: str, used: str) -> Issued:
        kept = {used: book.refresh[used]} if used else {}
        book.newest = self._name("shprt", shop)
        book.refresh = {**kept, book.newest: self._clock.time() + REFRESH_LIFE_S}
        access = self._access(book, shop, self.token_life_s)
        life_s = _written(self.token_life_s)
        return Issued(access, SCOPE, life_s, book.newest, _written(REFRESH_LIFE_S))

    def _access(self, book: _Book, shop: str, life_s: float) -> str:
        now = self._clock.time()
        for token in [token for token, end in book.access.items() if end <= now]:
            del book.access[token]
        made = self._name("shpat", shop)
        book.access[made] = now + life_s
        return made

    def _name(self, kind: str, shop: str) -> str:
        """Like Shopify's; the shop is in it, so that no other shop's is ever the same."""
        seed = f"{kind}|{shop}|{self._rng.getrandbits(128)}"
        return f"{kind}_{hashlib.blake2b(seed.encode(), digest_size=16).hexdigest()}"


def _written(seconds: float) -> float:
    """Whole seconds as Shopify writes them: 3600, not 3600.0."""
    return int(seconds) if seconds == int(seconds) else seconds
