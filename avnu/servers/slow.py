"""The slow log without what commands carried: an accept's arguments are webhooks with bodies."""

from collections.abc import Mapping
from typing import Any

import msgspec

from avnu.servers.families import FOREIGN, Naming


class Slow(msgspec.Struct, frozen=True):
    """One slow command. ``what``: the script or the family of keys; ``client``: its name."""

    at_s: int  # Unix time of the server
    took_ms: float
    command: str
    what: str
    client: str


def slow_log(entries: list[Any], scripts: Mapping[bytes, str], naming: Naming) -> list[Slow]:
    """``entries``: the raw answer to SLOWLOG GET; ``scripts``: SHA-1 (hex) → name."""
    return [_slow(entry, scripts, naming) for entry in entries]


def _slow(entry: list[Any], scripts: Mapping[bytes, str], naming: Naming) -> Slow:
    _, at_s, took_us, arguments, *rest = entry
    command = bytes(arguments[0]).decode("ascii", "replace").upper()
    first = bytes(arguments[1]) if len(arguments) > 1 else b""
    if command in {"EVALSHA", "EVALSHA_RO"}:
        what = scripts.get(first.lower(), f"script {first[:8].decode('ascii', 'replace')}…")
    elif command in {"EVAL", "SCRIPT"}:
        what = ""
    else:
        family = naming.family(first.decode("utf-8", "replace"))
        what = "" if family == FOREIGN else family
    # Since Redis 4: the client's address and name.
    name = bytes(rest[1]).decode("utf-8", "replace") if len(rest) > 1 else ""
    return Slow(int(at_s), int(took_us) / 1000, command, what, name)
