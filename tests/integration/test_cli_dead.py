"""``avnu dead``: listed, shown, replayed and dropped, one, some or all, and never by accident."""

import os
import pty
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from avnu.inbox import Inbox
from avnu.inbox.queries import find
from avnu.inbox.turn import Letter, Verdict
from avnu.settings import Settings
from tests.support.command import Run, start, told
from tests.support.inbox import (
    DONE,
    FAILED,
    accept,
    arrival,
    begin,
    check,
    claim,
    open_inbox,
    send_alone,
    settle,
)

pytest_plugins = ("tests.support.command_fixtures",)


@pytest.fixture
def inbox(settings: Settings) -> Iterator[Inbox]:
    opened = open_inbox(settings)
    yield opened
    opened.client.close()


def bury(inbox: Inbox, *webhook_ids: object, shop: str = "one", **how: str) -> None:
    """Dead letters, rejected by their handler."""
    accept(inbox, *webhook_ids, shop=shop, **how)
    holder, _ = begin(inbox, shop, area=how.get("area", "orders"))
    settle(holder, *[Verdict(Letter.REJECTED, "not \x1b readable")] * len(webhook_ids))


def dead(inbox: Inbox) -> set[str]:
    return {one.webhook_id for one in find(inbox, state="dead")}


@pytest.fixture
def graves(inbox: Inbox) -> Inbox:
    """Five dead letters: of two shops, two areas, two topics and two causes."""
    bury(inbox, "a", "b")
    bury(inbox, "c", shop="two", topic="orders/paid")
    bury(inbox, "d", topic="products/update", area="products")
    body = b"the same bytes for two shops, which only a replay can bring about, being signed"
    inbox.accept([arrival("e0", body=body), arrival("e", "two", body=body)])
    holder, _ = begin(inbox)
    settle(holder, DONE)
    assert dead(inbox) == {"a", "b", "c", "d", "e"}
    return inbox


FILTERS = [
    ((), "abcde"),
    (("--shop", "one"), "abd"),
    (("--topic", "orders/paid"), "c"),
    (("--area", "products"), "d"),
    (("--area", "orders", "--shop", "two.myshopify.com"), "ce"),
    (("--cause", "suspected_replay"), "e"),
    (("--cause", "rejected", "--topic", "orders/create"), "ab"),
    (("--cause", "poison"), ""),
    (("--since", "1h"), "abcde"),
    (("--until", "1h"), ""),
    (("--until", "2100-01-01", "--area", "products"), "d"),
]


@pytest.mark.parametrize(("options", "expected"), FILTERS)
def test_list_and_dry_run_agree(
    avnu: Run, graves: Inbox, options: tuple[str, ...], expected: str
) -> None:
    listed = told(avnu("dead", "list", "--json", *options))
    assert {one["webhook_id"] for one in listed} == set(expected)
    assert all(one["state"] == "dead" and one["died_at"] for one in listed)
    for verb in ("replay", "drop"):
        result = avnu("dead", verb, "--dry-run", *(options or ("--all",)))
        assert result.exit_code == 0
        assert {line.partition("/")[2] for line in result.stdout.splitlines()} == set(expected)
        number = len(expected)
        assert f"would {verb} {number} dead letter{'' if number == 1 else 's'}" in result.stderr
    check(graves, dead=5, settled=1)


def test_list_for_people(avnu: Run, graves: Inbox) -> None:
    result = avnu("dead", "list", "--limit", "4")
    assert result.stdout.count("myshopify.com/") == 4
    assert "more than 4" in result.stderr
    assert "rejected: not \\x1b readable" in result.stdout
    assert "no dead letter matches" in avnu("dead", "list", "--cause", "poison").stderr


def test_show(avnu: Run, graves: Inbox) -> None:
    shown = avnu("dead", "show", "one/a")
    assert shown.exit_code == 0
    assert shown.stdout.startswith("It is a dead letter, because its handler cannot use it")
    assert re.search(r"last error +not \\x1b readable", shown.stdout)
    assert told(avnu("dead", "show", "two/e", "--json"))["cause"] == "suspected_replay"


def test_show_what_is_not_dead(avnu: Run, graves: Inbox) -> None:
    result = avnu("dead", "show", "one/e0")
    assert result.exit_code == 3
    assert "no dead letter but done" in result.stderr
    assert avnu("dead", "show", "one/nobody", "--json").exit_code == 3


def test_replay_by_name(avnu: Run, graves: Inbox) -> None:
    result = avnu("dead", "replay", "one/a", "two.myshopify.com/e")
    assert (result.exit_code, result.stdout) == (0, "replayed: 2\n")
    assert dead(graves) == {"b", "c", "d"}
    graves.tick()
    claim(graves, "a")
    check(graves, dead=3, solo=1, running=1, settled=1)


def test_drop_by_name(avnu: Run, graves: Inbox) -> None:
    result = avnu("dead", "drop", "one/a")
    assert (result.exit_code, result.stdout) == (0, "deleted: 1\n")
    assert dead(graves) == {"b", "c", "d", "e"}
    assert told(avnu("webhooks", "show", "one/a", "--json"))["state"] == "deleted"


def test_a_name_that_is_not_dead(avnu: Run, graves: Inbox) -> None:
    for verb in ("replay", "drop"):
        result = avnu("dead", verb, "one/nobody")
        assert result.exit_code == 3
        assert "no dead letter: one.myshopify.com/nobody" in result.stderr
    check(graves, dead=5, settled=1)


def test_a_retry_is_made_due_by_name(avnu: Run, inbox: Inbox) -> None:
    send_alone(inbox, 1)
    held = claim(inbox, 1)
    inbox.settle(held, FAILED, None, 0.0)
    assert avnu("dead", "replay", "one/1").stdout == "due now: 1\n"


def test_many_with_yes(avnu: Run, graves: Inbox) -> None:
    assert avnu("dead", "replay", "--area", "orders", "--yes").stdout == "replayed: 4\n"
    assert avnu("dead", "drop", "--all", "--yes").stdout == "deleted: 1\n"
    assert dead(graves) == set()
    result = avnu("dead", "drop", "--all", "--yes")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no dead letter matches" in result.stderr


def test_many_without_yes_and_without_a_terminal(avnu: Run, graves: Inbox) -> None:
    for verb in ("replay", "drop"):
        result = avnu("dead", verb, "--all")
        assert result.exit_code == 2
        assert "--yes" in result.stderr
    check(graves, dead=5, settled=1)


def test_saying_which_is_not_optional(avnu: Run, graves: Inbox) -> None:
    for arguments in ((), ("--yes",), ("one/a", "--all"), ("one/a", "--shop", "one"),
                      ("--all", "--shop", "one")):  # fmt: skip
        for verb in ("replay", "drop"):
            result = avnu("dead", verb, *arguments)
            assert result.exit_code == 2
            assert "say which" in result.stderr
    check(graves, dead=5, settled=1)


@pytest.mark.parametrize("typed", ["n", "", "y"])
def test_on_a_terminal_it_asks(
    graves: Inbox, settings: Settings, tmp_path: Path, typed: str
) -> None:
    ours, theirs = pty.openpty()
    try:
        process = start(
            ["dead", "drop", "--all"], settings.to_environ(), tmp_path, "ask", stdin=theirs
        )
        os.write(ours, f"{typed}\n".encode())
        out, err = process.communicate(timeout=30)
    finally:
        os.close(ours)
        os.close(theirs)
    assert b"drop 5 dead letters?" in err
    code, said, left = (0, b"deleted: 5\n", 0) if typed == "y" else (1, b"", 5)
    assert (process.returncode, out) == (code, said)
    assert len(dead(graves)) == left
