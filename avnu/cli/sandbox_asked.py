"""One request to the sandbox's own routes, as every command that needs one sends it."""

from typing import Any

import click
import msgspec
import urllib3

from avnu.errors import CannotReach


def ask_sandbox(
    method: str, url: str, document: dict[str, Any] | None = None, *, within_s: float = 10.0
) -> dict[str, Any]:
    """What the sandbox answers; raises CannotReach, and UsageError with what it has refused."""
    body = None if document is None else msgspec.json.encode(document)
    try:
        response = urllib3.request(method, url, body=body, retries=False, timeout=within_s)
        told = msgspec.json.decode(response.data, type=dict[str, Any])
    except (urllib3.exceptions.HTTPError, msgspec.DecodeError) as fault:
        raise CannotReach(f"no sandbox answers at {url} ({type(fault).__name__})") from fault
    if response.status != 200:
        raise click.UsageError(str(told.get("error", told)))
    return told
