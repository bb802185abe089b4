"""The documents' commands, run as they are written on a small deployment in the state they tell of.

To show one more command: a ``console`` block with ``<!-- run: state -->`` before it; the states are
in tests/support/runbook_stage.py. What needs an operator's own hosts is a ``sh`` block.
"""

import contextlib
import shlex
from collections.abc import Iterator

import pytest

from tests.support.runbook import Example, examples, fault, mentioned, missing
from tests.support.runbook_stage import Stage
from tests.support.shopify_stack import sandboxed

_ORDER = {state: place for place, state in enumerate(Stage.STATES)}
_EXAMPLES = sorted(examples(), key=lambda one: _ORDER[one.state])


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("runbook")
    with sandboxed() as sandbox, Stage(folder, sandbox) as stage, contextlib.chdir(folder):
        yield stage


@pytest.mark.parametrize("example", _EXAMPLES, ids=[one.where for one in _EXAMPLES])
def test_a_command_does_what_the_document_shows(stage: Stage, example: Example) -> None:
    stage.enter(example.state)
    _, *arguments = shlex.split(example.command)
    result = stage.avnu(*arguments)

    assert result.exit_code == example.exit_code, result.output
    assert not missing(example, result.output), result.output


def test_commands_that_are_mentioned_are_commands_that_there_are() -> None:
    found = mentioned()
    assert len(found) > 50, "the documents are read"
    assert not [f"{where}: {wrong}" for where, command in found if (wrong := fault(command))]


def test_what_a_document_shows_wrongly_is_noticed() -> None:
    shown = Example("", "quiet", "avnu status", 0, ("full   no", "…", "parked   7"))
    assert missing(shown, "full yes\nparked 12") == ["full   no"]
    assert fault("avnu dead burry") == "dead has no command burry"
    assert fault("avnu dead list --wrong") == "list has no option --wrong"
    assert not fault("avnu dead list --since 2h")
