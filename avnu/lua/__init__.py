"""The inbox's Redis scripts: one atomic step per ``.lua`` file.

A file whose name begins with an underscore is a shared piece; ``--@include _piece`` puts it in,
once. Before the file's own text stand three tables: ``K`` (key names, from :mod:`avnu.keys`),
``C`` (settings, times in ms, ``_s`` in seconds) and ``WAKEUP`` (per area: its Celery queue and
the message that wakes a partition).

To add a script: write ``name.lua`` with its header (purpose, KEYS, ARGV, returns, why atomic) and
call it with ``scripts.run(client, "name", …)``.
"""

import hashlib
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any

import msgspec
import redis
from redis.exceptions import NoScriptError

from avnu.keys import Keys

NAMES = (
    "accept", "turn", "solo_claim", "solo_settle", "renew", "tick", "flush",
    "replay", "drop", "pause", "unpark",
)  # fmt: skip

_INCLUDE = re.compile(r"^--@include (\w+)$", re.MULTILINE)


class Wakeup(msgspec.Struct, frozen=True):
    """How an area is woken: its Celery queue, and the message with @ID@, @PART@ and @WAKE@ open."""

    queue: str
    text: str


class Script(msgspec.Struct, frozen=True):
    """One rendered script: its text and the SHA-1 (hex) that EVALSHA wants."""

    name: str
    text: bytes
    sha: bytes


class Scripts:
    """All scripts, rendered for one namespace, one set of settings, one set of wake-ups."""

    def __init__(
        self, keys: Keys, constants: Mapping[str, int], wakeups: Mapping[str, Wakeup]
    ) -> None:
        self.keys = keys
        tables = keys.lua_table() + _constants(constants) + _wakeups(wakeups)
        self._scripts = {name: _render(name, tables) for name in NAMES}

    def __getitem__(self, name: str) -> Script:
        return self._scripts[name]

    def run(self, client: "redis.Redis", name: str, *argv: str | bytes | float) -> Any:
        """Run one script: one round trip. A server that lost its scripts gets this one again.

        Safe to send again, because NOSCRIPT means that nothing ran.
        """
        script = self._scripts[name]
        try:
            return client.execute_command("EVALSHA", script.sha, 0, *argv)
        except NoScriptError:
            client.execute_command("SCRIPT LOAD", script.text)
            return client.execute_command("EVALSHA", script.sha, 0, *argv)


def _render(name: str, tables: str) -> Script:
    included: set[str] = set()

    def include(match: re.Match[str]) -> str:
        piece = match.group(1)
        if piece in included:
            return ""
        included.add(piece)
        return _INCLUDE.sub(include, _read(piece))

    text = (tables + _INCLUDE.sub(include, _read(name))).encode()
    return Script(name, text, hashlib.sha1(text, usedforsecurity=False).hexdigest().encode())


def _read(name: str) -> str:
    return (resources.files(__name__) / f"{name}.lua").read_text(encoding="utf-8")


def _constants(constants: Mapping[str, int]) -> str:
    return "local C = {" + ", ".join(f"{k}={v}" for k, v in constants.items()) + "}\n"


def _wakeups(wakeups: Mapping[str, Wakeup]) -> str:
    rows = [
        f"[ {_quoted(area)} ]={{queue={_quoted(wakeup.queue)}, text={_quoted(wakeup.text)}}}"
        for area, wakeup in sorted(wakeups.items())
    ]
    return "local WAKEUP = {" + ", ".join(rows) + "}\n"


def _quoted(text: str) -> str:
    """A Lua long string, whose content needs no escaping."""
    level = "="
    while f"]{level}]" in text:
        level += "="
    return f"[{level}[{text}]{level}]"
