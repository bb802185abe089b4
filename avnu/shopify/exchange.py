"""A refresh token, or an installation's code, for a pair of tokens: one POST, made once.

Facts (Shopify's documentation of offline access tokens, 2026-07): JSON with ``client_id``,
``client_secret``, ``grant_type=refresh_token`` and ``refresh_token``; the answer holds a new pair
and lifetimes in seconds, which have been missing in the field; 400 or 401 with ``invalid_grant``
for a refresh token that is of no more use. An app whose own credentials are wrong is refused as
well, and that must not be taken for the shop's trouble.
"""

import re

import msgspec

from avnu.errors import NoAnswer, TokenExchangeFailed, TokenRefused
from avnu.secret import Secret
from avnu.settings import Settings
from avnu.shopify.transport import Limits, Transport
from avnu.store.pairs import TokenPair, is_token

_PATH = "/admin/oauth/access_token"
_LIMITS = Limits(connect_s=3.0, read_s=8.0, total_s=10.0, most_bytes=65_536)
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_LONGEST_LIFE_S = 10 * 366 * 86_400
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
    """Calls it. Raises SettingsInvalid where the app's own credentials are not set."""

    def __init__(self, settings: Settings, transport: Transport) -> None:
        settings.require_app("without it no token can be refreshed")
        self._settings = settings
        self._transport = transport

    def exchange(self, shop: str, refresh_token: Secret) -> TokenPair:
        """The new pair, within 11 s. Raises TokenRefused and TokenExchangeFailed.

        The old refresh token works until the new one is used, so a lost answer loses nothing.
        """
        return self._ask(
            shop, {"grant_type": "refresh_token", "refresh_token": refresh_token.reveal()}
        )

    def redeem(self, shop: str, code: Secret) -> TokenPair:
        """The first pair of a shop that has just installed the app, for the code it came with."""
        return self._ask(shop, {"code": code.reveal(), "expiring": "1"})

    def _ask(self, shop: str, what: dict[str, str]) -> TokenPair:
        credentials = {
            "client_id": self._settings.shopify_api_key,
            "client_secret": self._settings.shopify_api_secret.reveal(),
        }
        body = msgspec.json.encode(credentials | what)
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        try:
            answer = self._transport.post(shop, _PATH, body, headers, _LIMITS)
        except NoAnswer as fault:
            raise TokenExchangeFailed(str(fault), platform=True) from fault
        if answer.status != 200:
            raise _refusal(answer.status, answer.body)
        return _pair(answer.body)


def _pair(answer: bytes) -> TokenPair:
    try:
        read = msgspec.json.decode(answer, type=_Answer)
    except _UNREADABLE as fault:
        # Without its cause: an error of decoding text carries the whole answer along.
        raise TokenExchangeFailed(f"the answer cannot be used ({type(fault).__name__})") from None
    # One with a line break would be stored, and then break every call that sends it.
    if not is_token(read.access_token) or not (
        read.refresh_token is None or is_token(read.refresh_token)
    ):
        raise TokenExchangeFailed("the answer holds no token, or what cannot be one")
    return TokenPair(
        Secret(read.access_token),
        Secret(read.refresh_token or ""),
        _lifetime(read.expires_in),
        _lifetime(read.refresh_token_expires_in),
    )


def _lifetime(seconds: float | None) -> float | None:
    """What makes no sense counts as not said."""
    return seconds if seconds is not None and 0 < seconds <= _LONGEST_LIFE_S else None


def _refusal(status: int, answer: bytes) -> TokenExchangeFailed:
    """The error to raise; of the answer it holds Shopify's code word and nothing else."""
    try:
        word = msgspec.json.decode(answer, type=_Refusal).error
    except _UNREADABLE:
        word = ""
    word = word if _WORD.fullmatch(word) else ""
    said = f"{status} {word}".strip()
    if word in _OURS:
        return TokenExchangeFailed(
            f"Shopify refuses the app itself ({said}); check SHOPIFY_API_KEY and SHOPIFY_API_SECRET"
        )
    if word == "invalid_grant" or (status == 401 and not word):
        return TokenRefused(f"Shopify refuses the refresh token ({said})")
    return TokenExchangeFailed(f"Shopify answers {said}", platform=status >= 500)
