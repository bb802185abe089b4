"""What commands print: data on stdout, talk on stderr, foreign text made harmless.

Topics, ids, shops and errors come from strangers: a control character in one could rewrite an
operator's terminal, and a bracket could be read as rich's markup. So every text goes through
``printable`` and no console here knows markup.
"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import IO, Any

import click
import rich.box
from rich.console import Console
from rich.table import Table
from rich.text import Text

# Of a pipe or a file: lines as long as they are, because `grep` does not join what was folded.
_ENDLESS = 100_000

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def json_option(command: Any) -> Any:
    """The option ``--json``, given to the command as ``as_json``."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON document on stdout."
    )(command)


def printable(text: str, keep: str = "") -> str:
    r"""``text`` with everything that does not print as ``\x1b`` or ``\u202e``, but for ``keep``."""
    return "".join(char if char.isprintable() or char in keep else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return (
        char.encode("unicode_escape").decode()
        if char.isascii() or ord(char) > 0xFF
        else (f"\\x{ord(char):02x}")
    )


def say(text: str) -> None:
    """Talk: to stderr, line breaks kept."""
    click.echo(printable(text, keep="\n"), err=True)


def write(text: str) -> None:
    """Data: one line or several to stdout, line breaks and tabs kept."""
    click.echo(printable(text, keep="\n\t"))


def show_json(document: Any) -> None:
    """Data: one JSON document on stdout, in ASCII, so that nothing in it acts on a terminal."""
    click.echo(json.dumps(document, ensure_ascii=True, indent=2))


def show_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Data: a table with a heading; numbers stand to the right."""
    table = Table(box=rich.box.SIMPLE_HEAD, pad_edge=False)
    cells = [list(row) for row in rows]
    for column, name in enumerate(head):
        numbers = all(isinstance(row[column], int | float) for row in cells)
        table.add_column(name, justify="right" if numbers else "left", overflow="fold")
    for row in cells:
        table.add_row(*(_cell(value) for value in row))
    console(sys.stdout).print(table)


def show_facts(facts: Mapping[str, object]) -> None:
    """Data: names and values, one per line; what is empty is left out."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(overflow="fold")
    for name, value in facts.items():
        if value not in ("", None):
            table.add_row(_cell(name), _cell(value))
    console(sys.stdout).print(table)


def console(file: IO[str]) -> Console:
    """A console without markup, colours only for a terminal."""
    return Console(
        file=file,
        markup=False,
        highlight=False,
        emoji=False,
        width=None if file.isatty() else _ENDLESS,
    )


def _cell(value: object) -> Text:
    return Text(f"{value:,}" if isinstance(value, int) else printable(str(value)))


def moment(unix_ms: int) -> str:
    """``2026-07-01T12:00:03.250Z``; empty for 0, which means that it is not known."""
    if not unix_ms:
        return ""
    return datetime.fromtimestamp(unix_ms / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def duration(seconds: float) -> str:
    """``4 s``, ``12 min``, ``3 h``, ``2 d``: as exact as one needs to know."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 1 or seconds == 0 else "under 1 s"


def size(n_bytes: float) -> str:
    """``120 B``, ``3.4 kB``, ``1.2 GB``: powers of 1024, as Redis prints them."""
    amount, unit = float(n_bytes), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
