"""The kinds of value a setting can have: how its text is read, checked, written and hidden.

To add a kind: a class with ``unit``, ``parse`` (raises ValueError with what to do) and ``show``.
"""

import dataclasses
import enum
import re
from collections.abc import Callable
from typing import Any, Protocol

from avnu.secret import Secret

DAY_S = 86400
MIB = 1024 * 1024
SPLIT = re.compile(r"[,\s]+")
WHOLE = re.compile(r"-?[0-9]{1,18}")
FLAGS = {"true": True, "1": True, "yes": True, "on": True}
FLAGS |= {"false": False, "0": False, "no": False, "off": False}

Server = tuple[str, int]


class SettingKind(Protocol):
    """What every kind of setting can do."""

    @property
    def unit(self) -> str:
        """Unit and range, as `.env.example` shows them."""

    def parse(self, text: str) -> Any:
        """The value of a non-empty text. Raises ValueError: what is wrong, and what to write."""

    def show(self, value: Any) -> str:
        """The text that ``parse`` reads back as ``value``."""


@dataclasses.dataclass(frozen=True)
class Row:
    """One setting: its variable, kind, default and one sentence for the operator."""

    name: str
    kind: SettingKind
    default: Any
    help: str
    secret: bool

    def show_default(self) -> str:
        """The default as text; empty where there is none."""
        return self.kind.show(self.default)


@dataclasses.dataclass(frozen=True)
class Whole:
    """A whole number within bounds, both allowed."""

    of: str
    least: int
    most: int

    @property
    def unit(self) -> str:
        """Unit and range, as `.env.example` shows them."""
        return f"{self.of}, {self.least} to {self.most}"

    def parse(self, text: str) -> int:
        """Reads ASCII digits only: `1_000`, ` ٣` and `1e3` are faults."""
        if not WHOLE.fullmatch(text):
            raise ValueError(f"is not a whole number; {self._advice()}")
        value = int(text)
        if not self.least <= value <= self.most:
            raise ValueError(f"is out of range; {self._advice()}")
        return value

    def show(self, value: int) -> str:
        """Plain digits."""
        return str(value)

    def _advice(self) -> str:
        return f"give {self.of} as a number from {self.least} to {self.most}"


@dataclasses.dataclass(frozen=True)
class Flag:
    """true or false."""

    unit: str = "true or false"

    def parse(self, text: str) -> bool:
        """Accepts true, yes, on, 1 and false, no, off, 0."""
        try:
            return FLAGS[text.lower()]
        except KeyError:
            raise ValueError("is neither true nor false; write true or false") from None

    def show(self, value: bool) -> str:
        """`true` or `false`."""
        return "true" if value else "false"


@dataclasses.dataclass(frozen=True)
class Text:
    """One line of text, held to a pattern where there is one."""

    unit: str
    pattern: str = r"[^\x00-\x1f\x7f]+"
    advice: str = "remove the control characters"

    def parse(self, text: str) -> str:
        """The text itself, when the whole of it matches."""
        if not re.fullmatch(self.pattern, text):
            raise ValueError(f"is not valid; {self.advice}")
        return text

    def show(self, value: str) -> str:
        """The text itself."""
        return value


@dataclasses.dataclass(frozen=True)
class Choice:
    """One word of a fixed set."""

    words: type[enum.StrEnum]

    @property
    def unit(self) -> str:
        """The words, as `.env.example` shows them."""
        return " | ".join(self.words)

    def parse(self, text: str) -> enum.StrEnum:
        """The member, whatever the case of the letters."""
        for word in self.words:
            if word.lower() == text.lower():
                return word
        raise ValueError(f"is not one of the choices; write one of {', '.join(self.words)}")

    def show(self, value: enum.StrEnum) -> str:
        """The word."""
        return value.value


@dataclasses.dataclass(frozen=True)
class Hidden:
    """A secret text."""

    unit: str = "secret"

    def parse(self, text: str) -> Secret:
        """Wraps the text; spaces at the ends were cut, as no secret here has any."""
        return Secret(text)

    def show(self, value: Secret) -> str:
        """The text itself: used for the environment of child processes only."""
        return value.reveal()


@dataclasses.dataclass(frozen=True)
class HiddenList:
    """Secrets, separated by commas, the one in use first."""

    unit: str = "secrets, separated by commas"

    def parse(self, text: str) -> tuple[Secret, ...]:
        """Each secret wrapped, in order."""
        return tuple(Secret(part) for part in SPLIT.split(text) if part)

    def show(self, value: tuple[Secret, ...]) -> str:
        """The texts themselves: used for the environment of child processes only."""
        return ",".join(secret.reveal() for secret in value)


@dataclasses.dataclass(frozen=True)
class Servers:
    """Addresses, separated by commas."""

    unit: str = "host:port, separated by commas"

    def parse(self, text: str) -> tuple[Server, ...]:
        """Pairs of host and port; an IPv6 address stands in brackets."""
        return tuple(self._server(part) for part in SPLIT.split(text) if part)

    def show(self, value: tuple[Server, ...]) -> str:
        """`host:port,host:port`."""
        return ",".join(
            f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in value
        )

    def _server(self, part: str) -> Server:
        found = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([^\[\]:/@]+)):([0-9]{1,5})", part)
        if found is None or not 0 < int(found[3]) < 65536:
            raise ValueError("is not a list of addresses; write host:port,host:port")
        return (found[1] or found[2], int(found[3]))


HOST = Text(
    "host name or address",
    r"[^\s/@:\[\]]+|[0-9a-fA-F]*:[0-9a-fA-F]*:[0-9a-fA-F:.]*",
    "give a name or address without scheme and port",
)


def row(kind: SettingKind, default: Any, text: str) -> Any:
    """A dataclass field that carries its row; typed Any so that the annotation decides."""
    return dataclasses.field(
        default=default, metadata={"kind": kind, "help": text, "secret": hides(kind)}
    )


def whole(default: int, of: str, text: str, least: int, most: int) -> Any:
    """A row for a whole number of ``of`` (a unit) from ``least`` to ``most``."""
    return row(Whole(of, least, most), default, text)


def hides(kind: SettingKind) -> bool:
    """True for the kinds whose value must never be shown."""
    return isinstance(kind, Hidden | HiddenList)


def rows_of(table: type) -> tuple[Row, ...]:
    """The rows declared in ``table`` itself, in the order of the source."""
    fields: Callable[[Any], tuple[dataclasses.Field[Any], ...]] = dataclasses.fields
    return tuple(
        Row(
            name=field.name.upper(),
            kind=field.metadata["kind"],
            default=field.default,
            help=field.metadata["help"],
            secret=field.metadata["secret"],
        )
        for field in fields(table)
        if "kind" in field.metadata
    )
