"""What commands print: foreign text cannot act on a terminal, and reads as it should."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avnu.cli.output import (
    duration,
    moment,
    printable,
    say,
    show_facts,
    show_json,
    show_table,
    write,
)

NASTY = "\x1b[2Jred\r\n\x07\u202egnp.\x85[bold]b[/bold]"


@given(st.text())
def test_nothing_that_acts_gets_through(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert not any(unicodedata.category(char).startswith("C") for char in shown)


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S"])))
def test_what_prints_stays(text: str) -> None:
    assert printable(text) == text


def test_escapes_read_like_pythons() -> None:
    assert printable("\x1b\r\u202e\x85\U000e0001") == r"\x1b\r\u202e\x85\U000e0001"
    assert printable("a\nb\tc", keep="\n") == "a\nb\\tc"


@pytest.mark.parametrize("show", [say, write])
def test_lines(capsys: pytest.CaptureFixture[str], show: object) -> None:
    assert callable(show)
    show(NASTY)
    out, err = capsys.readouterr()
    text = err if show is say else out
    assert text == "\\x1b[2Jred\\r\n\\x07\\u202egnp.\\x85[bold]b[/bold]\n"
    assert (out if show is say else err) == ""


def test_tables_know_no_markup_and_fold_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(("webhook", "n"), [(NASTY + "x" * 300, 12345)])
    show_facts({"error": NASTY, "none": None, "empty": "", "zero": 0})
    out = capsys.readouterr().out
    assert "\\x1b[2Jred\\r\\n\\x07\\u202egnp.\\x85[bold]b[/bold]" + "x" * 300 in out
    assert "12,345" in out
    assert "none" not in out
    assert "empty" not in out
    assert "zero" in out
    assert "\x1b" not in out


def test_json_is_one_document_in_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    show_json({"error": NASTY, "name": "Zoë"})
    out = capsys.readouterr().out
    assert out.isascii()
    assert not {char for char in out if ord(char) < 32} - {"\n"}
    assert json.loads(out) == {"error": NASTY, "name": "Zoë"}


def test_moments() -> None:
    assert moment(0) == ""
    assert moment(1_782_907_203_250) == "2026-07-01T12:00:03.250Z"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (0.2, "under 1 s"), (4.4, "4 s"), (59, "59 s"), (60, "1 min"), (7200, "2 h"),
     (86_400 * 3, "3 d")],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
