"""What ``avnu shops import`` reads: one JSON object per line, or a list of them.

The field names are ours or those of Shopify's session storages for Node (``shop``, ``accessToken``,
``refreshToken``, ``expires``, ``refreshTokenExpires``, ``scope``, ``isOnline``), so that a dump of
their table can be read as it is.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import click
import msgspec

from avnu.cli.found import SHOP
from avnu.secret import Secret
from avnu.store.pairs import TokenPair, is_token

_ACCESS = ("access_token", "accessToken")
_REFRESH = ("refresh_token", "refreshToken")
_EXPIRES = ("access_expires_at", "expires_at", "expires")
_REFRESH_EXPIRES = ("refresh_expires_at", "refresh_token_expires", "refreshTokenExpires")
_SCOPES = ("scopes", "scope")
# Unix times from here on are in milliseconds: as seconds this would be the year 5138.
_MILLISECONDS = 1e11


class Entry(msgspec.Struct, frozen=True):
    """One shop to take in."""

    shop: str
    pair: TokenPair
    plan: str | None
    scopes: tuple[str, ...] | None


class Fault(msgspec.Struct, frozen=True):
    """One that cannot be taken in. ``why`` holds no value."""

    number: int  # of the line, or in the list
    why: str


def entries(text: str, now_s: float) -> Iterator[Entry | Fault]:
    """Each shop of the text or what is wrong with it; online sessions are left out."""
    for number, found in _objects(text):
        if not isinstance(found, Mapping):
            yield Fault(number, "is not a JSON object")
        elif not (found.get("isOnline") or found.get("is_online")):
            try:
                yield _entry(found, now_s)
            except ValueError as fault:
                yield Fault(number, str(fault))


def _objects(text: str) -> Iterator[tuple[int, Any]]:
    if text.lstrip().startswith("["):
        yield from enumerate(_json(text) or [None], start=1)
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield number, _json(line)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _entry(found: Mapping[str, Any], now_s: float) -> Entry:
    access, refresh = _first(found, _ACCESS), _first(found, _REFRESH) or ""
    if not is_token(access):
        raise ValueError("has no access token, or one with strange characters")
    if refresh and not is_token(refresh):
        raise ValueError("has a refresh token with strange characters")
    expires_in_s = _rest_s(_first(found, _EXPIRES), now_s)
    if refresh and expires_in_s is None:
        # Nobody knows how old it is: the first use asks for a new pair.
        expires_in_s = 0.0
    pair = TokenPair(
        Secret(access),
        Secret(refresh),
        expires_in_s,
        _rest_s(_first(found, _REFRESH_EXPIRES), now_s),
    )
    plan = found.get("plan")
    return Entry(
        _shop(found), pair, plan if isinstance(plan, str) else None, _scopes(_first(found, _SCOPES))
    )


def _first(found: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((found[name] for name in names if found.get(name) is not None), None)


def _shop(found: Mapping[str, Any]) -> str:
    named = _first(found, ("shop", "domain"))
    try:
        return SHOP.convert(named or "", None, None)
    except click.UsageError:
        raise ValueError("names no shop such as name.myshopify.com") from None


def _scopes(value: Any) -> tuple[str, ...] | None:
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list):
        return None
    return tuple(scope.strip() for scope in value if isinstance(scope, str) and scope.strip())


def _rest_s(value: Any, now_s: float) -> float | None:
    """Seconds from now until a moment that is ISO text or unix time; None for no moment."""
    if value is None:
        return None
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("has a time that is neither ISO 8601 nor unix time") from None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return moment.timestamp() - now_s
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (value / 1000 if value > _MILLISECONDS else value) - now_s
    raise ValueError("has a time that is neither ISO 8601 nor unix time")
