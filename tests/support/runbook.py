"""The commands that the documents show: those that a test runs, and those that it only looks at."""

import re
import shlex
from collections.abc import Iterator
from typing import NamedTuple

import click

from avnu.cli import main
from tests.support.programs import ROOT

DOCUMENTS = ("README.md", "deploy/README.md", "deploy/redis/README.md")

_RUN = re.compile(r"<!-- run: (?P<state>[a-z-]+)(?:, exit (?P<code>\d))? -->")
_INLINE = re.compile(r"`(avnu [a-z][^`…]*)")
_SHELL = re.compile(r"(?:^|[\s(])(avnu [a-z][^#;|&>…]*)")


class Example(NamedTuple):
    """One command of a ``console`` block, and what the document shows of its output."""

    where: str  # "deploy/README.md:12"
    state: str  # of the deployment, as tests/support/runbook_stage.py makes it
    command: str
    exit_code: int
    shown: tuple[str, ...]


def examples() -> list[Example]:
    """All of them, in the order of the documents."""
    return [one for document in DOCUMENTS for one in _examples(document)]


def mentioned() -> list[tuple[str, str]]:
    """(where, command) of every other command of Avnu's: in ``sh`` blocks, and within sentences."""
    return [one for document in DOCUMENTS for one in _mentioned(document)]


def missing(example: Example, said: str) -> list[str]:
    """The shown lines that no line of ``said`` is like.

    Alike is one that has its words; figures, times, drawn lines and the order may differ.
    """
    lines = [set(_words(line)) for line in said.splitlines()]
    shown = [(line, set(_words(line))) for line in example.shown]
    return [line for line, words in shown if words and not any(words <= found for found in lines)]


def fault(command: str) -> str:
    """What Avnu would not understand of ``command``; "" when it is right."""
    at: click.Command = main
    context = click.Context(main)
    for word in shlex.split(command)[1:]:
        if word.startswith("-"):
            if word not in _options(at, context) and not _passes_on(at):
                return f"{at.name} has no option {word}"
        elif isinstance(at, click.Group):
            found = at.get_command(context, word)
            if found is None:
                return f"{at.name} has no command {word}"
            at = found
    return ""


def _options(command: click.Command, context: click.Context) -> set[str]:
    return {name for one in command.get_params(context) for name in one.opts}


def _passes_on(command: click.Command) -> bool:
    return bool(command.context_settings.get("ignore_unknown_options"))


def _words(line: str) -> list[str]:
    """Of letters; what holds a figure, or is drawn, is another one each time."""
    return re.findall(r"(?<![\w./:-])[A-Za-z][A-Za-z_/-]+(?![\w./])", line)


def _examples(document: str) -> Iterator[Example]:
    for number, language, marker, lines in _blocks(document):
        if language != "console":
            continue
        run = _RUN.fullmatch(marker)
        assert run, f"{document}:{number}: a console block needs <!-- run: state --> before it"
        code = int(run["code"] or 0)
        command, shown, began = "", list[str](), number
        for at, line in enumerate([*lines, "$ "], number + 1):
            if not line.startswith("$ "):
                shown.append(line)
                continue
            if command:
                yield Example(f"{document}:{began}", run["state"], command, code, tuple(shown))
            command, shown, began = line[2:], [], at


def _mentioned(document: str) -> Iterator[tuple[str, str]]:
    text = (ROOT / document).read_text()
    for found in _INLINE.finditer(text):
        yield f"{document}:{text[: found.start()].count(chr(10)) + 1}", " ".join(found[1].split())
    for number, language, _, lines in _blocks(document):
        if language != "sh":
            continue
        for at, line in enumerate(lines, number + 1):
            for found in _SHELL.finditer(line.partition("#")[0]):
                yield f"{document}:{at}", found[1].strip()


def _blocks(document: str) -> Iterator[tuple[int, str, str, list[str]]]:
    """(line of the fence, language, the line before it, lines)."""
    before, fence, language, lines = "", 0, "", list[str]()
    marker = ""
    for number, line in enumerate((ROOT / document).read_text().splitlines(), 1):
        text = line.strip()
        if text.startswith("```"):
            if fence:
                yield fence, language, marker, lines
                fence = 0
            else:
                fence, language, marker, lines = number, text[3:], before, []
        elif fence:
            lines.append(line)
        before = text
