"""A refresh token for a new pair: one POST to the shop's token endpoint, made once.

Facts (Shopify's documentation of offline access tokens, 2026-07): JSON with ``client_id``,
``client_secret``, ``grant_type=refresh_token`` and ``refresh_token``; the answer holds a new pair
and lifetimes in seconds, which have been missing in the field; 400 or 401 with ``invalid_grant``
for a refresh token that is of no more use. An app whose own credentials are wrong is refused as
well, and that must not be taken for the shop's trouble.
"""

import re

import msgspec
import urllib3

from avnu.clock import Clock
from avnu.errors import SettingsInvalid, TokenExchangeFailed, TokenRefused
from avnu.secret import Secret
from avnu.settings import Settings
from avnu.store.pairs import TokenPair

_SHOP = re.compile(r"[a-z0-9][a-z0-9-]{0,60}\.myshopify\.com")
_PATH = "/admin/oauth/access_token"
_CONNECT_S, _READ_S, _TOTAL_S = 3.0, 8.0, 10.0
_MOST_BYTES = 65_536
_CHUNK_BYTES = 8_192
_WORD = re.compile(r"[a-z_]{1,40}")
_OURS = ("invalid_client", "unauthorized_client", "application_cannot_be_found")


class _Answer(msgspec.Struct):
    access_token: str
    refresh_token: str | None = None
    expires_in: float | None = None
    refresh_token_expires_in: float | None = None


class _Refusal(msgspec.Struct):
    error: str = ""


class TokenEndpoint:
    """Calls it. ``origin`` replaces ``https://<shop>``: for the sandbox and tests only."""

    def __init__(
        self, settings: Settings, pool: urllib3.PoolManager, clock: Clock, origin: str = ""
    ) -> None:
        missing = [
            f"{name} is not set; without it no token can be refreshed"
            for name, value in (
                ("SHOPIFY_API_KEY", settings.shopify_api_key),
                ("SHOPIFY_API_SECRET", settings.shopify_api_secret),
            )
            if not value
        ]
        if missing:
            raise SettingsInvalid(missing)
        self._settings = settings
        self._pool = pool
        self._clock = clock
        self._origin = origin

    def exchange(self, shop: str, refresh_token: Secret) -> TokenPair:
        """The new pair, within 11 s. Raises TokenRefused and TokenExchangeFailed.

        The old refresh token works until the new one is used, so a lost answer loses nothing.
        """
        if not _SHOP.fullmatch(shop):
            raise TokenExchangeFailed("the shop's name is not a myshopify.com domain")
        body = msgspec.json.encode(
            {
                "client_id": self._settings.shopify_api_key,
                "client_secret": self._settings.shopify_api_secret.reveal(),
                "grant_type": "refresh_token",
                "refresh_token": refresh_token.reveal(),
            }
        )
        try:
            status, answer = self._post(f"{self._origin or f'https://{shop}'}{_PATH}", body)
        except (urllib3.exceptions.HTTPError, OSError) as fault:
            raise TokenExchangeFailed(f"no answer ({type(fault).__name__})") from fault
        if status != 200:
            raise _refusal(status, answer)
        return _pair(answer)

    def _post(self, url: str, body: bytes) -> tuple[int, bytes]:
        until_s = self._clock.monotonic() + _TOTAL_S
        response = self._pool.request(
            "POST",
            url,
            body=body,
            headers={"Content-Type": "application/json", "Accept": "application/json"},
            timeout=urllib3.Timeout(connect=_CONNECT_S, read=_READ_S, total=_TOTAL_S),
            # A repeated POST would be a second exchange; a redirect would take the secret along.
            retries=False,
            redirect=False,
            preload_content=False,
        )
        try:
            answer = b""
            for chunk in response.stream(_CHUNK_BYTES):
                answer += chunk
                if len(answer) > _MOST_BYTES or self._clock.monotonic() > until_s:
                    raise TokenExchangeFailed("the answer is too long or too slow")
            return response.status, answer
        finally:
            # Drops the connection unless the answer was read to its end.
            response.close()


def _pair(answer: bytes) -> TokenPair:
    try:
        read = msgspec.json.decode(answer, type=_Answer)
    except msgspec.DecodeError as fault:
        # A validation error names the field and never the value.
        raise TokenExchangeFailed(f"the answer cannot be used ({type(fault).__name__})") from None
    if not read.access_token:
        raise TokenExchangeFailed("the answer holds no token")
    return TokenPair(
        Secret(read.access_token),
        Secret(read.refresh_token or ""),
        _lifetime(read.expires_in),
        _lifetime(read.refresh_token_expires_in),
    )


def _lifetime(seconds: float | None) -> float | None:
    """What makes no sense counts as not said."""
    return seconds if seconds is not None and seconds > 0 else None


def _refusal(status: int, answer: bytes) -> TokenExchangeFailed:
    """The error to raise; of the answer it holds Shopify's code word and nothing else."""
    try:
        word = msgspec.json.decode(answer, type=_Refusal).error
    except msgspec.DecodeError:
        word = ""
    word = word if _WORD.fullmatch(word) else ""
    said = f"{status} {word}".strip()
    if word in _OURS:
        return TokenExchangeFailed(
            f"Shopify refuses the app itself ({said}); check SHOPIFY_API_KEY and SHOPIFY_API_SECRET"
        )
    if word == "invalid_grant" or (status == 401 and not word):
        return TokenRefused(f"Shopify refuses the refresh token ({said})")
    return TokenExchangeFailed(f"Shopify answers {said}")
