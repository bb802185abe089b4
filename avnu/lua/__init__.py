"""Redis scripts: one atomic step per ``.lua`` file.

A file whose name begins with an underscore is a shared piece; ``--@include _piece`` puts it in,
once. Three things are put in when a script is rendered: ``K.name`` becomes the key or its prefix
(from :mod:`avnu.keys`), ``C.name`` a setting (times in ms, ``_s`` in seconds), and for the inbox
the piece ``_wakeups`` answers per area its Celery queue and the message that wakes a partition.
Literals, because a script runs from its first line at each call, and building tables of them cost
3.5 of the 24 µs of a turn that only finds its lease lost.

To add a script: write ``name.lua`` with its header (purpose, KEYS, ARGV, returns, why atomic), put
its name where ``Scripts`` is made (``NAMES`` here are the inbox's), and call it with
``scripts.run(client, "name", …)``.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from typing import Any

import msgspec
import redis
from redis.exceptions import NoScriptError

from avnu.keys import Keys

NAMES = (
    "accept", "turn", "solo_claim", "solo_settle", "renew", "tick", "flush",
    "replay", "drop", "pause", "unpark", "redact", "erase", "hear",
)  # fmt: skip

_NAME = re.compile(r"\b[KC]\.\w+")
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
    """Some scripts, rendered for one namespace, one set of settings, one set of wake-ups."""

    def __init__(
        self,
        keys: Keys,
        constants: Mapping[str, int],
        wakeups: Mapping[str, Wakeup] | None = None,
        names: Iterable[str] = NAMES,
    ) -> None:
        self.keys = keys
        literals = {f"K.{name}": f"'{key}'" for name, key in keys.all().items()}
        literals |= {f"C.{name}": str(value) for name, value in constants.items()}
        pieces = {} if wakeups is None else {"_wakeups": _wakeups(wakeups)}
        self._scripts = {name: _render(name, literals, pieces) for name in names}

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

    def run_many(
        self, client: "redis.Redis", name: str, argvs: Sequence[Sequence[str | bytes | float]]
    ) -> list[Any]:
        """Run one script for each of ``argvs``, in order: one round trip. Other clients' commands
        may come in between.

        An error that the server answers to one run (redis.ResponseError) stands in its place among
        the replies; raises what keeps all of them from being answered.
        """
        script = self._scripts[name]
        replies = _together(client, [("EVALSHA", script.sha, 0, *argv) for argv in argvs])
        lost = [i for i, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        if lost:
            again = [("EVALSHA", script.sha, 0, *argvs[i]) for i in lost]
            _, *found = _together(client, [("SCRIPT LOAD", script.text), *again])
            for i, reply in zip(lost, found, strict=True):
                replies[i] = reply
        return replies


def _together(client: "redis.Redis", commands: Iterable[tuple[Any, ...]]) -> list[Any]:
    with client.pipeline(transaction=False) as pipe:
        for command in commands:
            pipe.execute_command(*command)
        replies: list[Any] = pipe.execute(raise_on_error=False)
    return replies


def _render(name: str, literals: Mapping[str, str], pieces: Mapping[str, str]) -> Script:
    included: set[str] = set()

    def include(match: re.Match[str]) -> str:
        piece = match.group(1)
        if piece in included:
            return ""
        included.add(piece)
        return _INCLUDE.sub(include, pieces.get(piece) or _read(piece))

    text = _INCLUDE.sub(include, _read(name))
    text = _NAME.sub(lambda match: literals[match.group(0)], text)
    data = text.encode()
    return Script(name, data, hashlib.sha1(data, usedforsecurity=False).hexdigest().encode())


def _read(name: str) -> str:
    return (resources.files(__name__) / f"{name}.lua").read_text(encoding="utf-8")


def _wakeups(wakeups: Mapping[str, Wakeup]) -> str:
    rows = [
        f"[ {_quoted(area)} ]={{queue={_quoted(wakeup.queue)}, text={_quoted(wakeup.text)}}}"
        for area, wakeup in sorted(wakeups.items())
    ]
    return f"local function wakeup_of(area) return ({{{', '.join(rows)}}})[area] end\n"


def _quoted(text: str) -> str:
    """A Lua long string, whose content needs no escaping."""
    level = "="
    while f"]{level}]" in text:
        level += "="
    return f"[{level}[{text}]{level}]"
