"""How the GraphQL API writes what webhooks write otherwise."""

from datetime import UTC, datetime

_FORM = "%Y-%m-%dT%H:%M:%SZ"


def utc(local: str) -> str:
    """``2026-11-22T09:15:07-05:00`` of a webhook → ``2026-11-22T14:15:07Z`` of the API."""
    return datetime.fromisoformat(local).astimezone(UTC).strftime(_FORM)


def utc_of(unix_s: float) -> str:
    """Whole seconds, written like every other time of the API."""
    return datetime.fromtimestamp(int(unix_s), UTC).strftime(_FORM)
