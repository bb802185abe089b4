"""The audit log: what operators did, and what they only looked at."""

import getpass
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from avnu.acts import Act, latest_acts, note_act
from avnu.cli.acting import of, who
from avnu.inbox import Inbox
from avnu.settings import Settings
from tests.support.command import Run, runner, told
from tests.support.inbox import REJECTED, accept, begin, open_inbox, settle


@pytest.fixture
def avnu(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    return runner(settings.to_environ())


@pytest.fixture
def inbox(settings: Settings) -> Iterator[Inbox]:
    opened = open_inbox(settings)
    yield opened
    opened.client.close()


def acts(avnu: Run) -> list[tuple[str, str, str]]:
    """What, of what, and how it ended; the oldest first."""
    listed = told(avnu("audit", "list", "--json"))
    return [(act["what"], act["of"], act["ended"]) for act in reversed(listed)]


def test_who_did_what_where_and_when(avnu: Run, inbox: Inbox) -> None:
    accept(inbox, 1, 2)
    holder, _ = begin(inbox)
    settle(holder, REJECTED, REJECTED)
    assert avnu("dead", "drop", "one/1").exit_code == 0
    assert avnu("dead", "replay", "--all", "--yes").exit_code == 0
    assert avnu("queues", "pause", "shop", "one").exit_code == 0
    assert avnu("breaker", "open").exit_code == 0
    assert acts(avnu) == [
        ("dead drop", "names=one.myshopify.com/1", "done"),
        ("dead replay", "everything=True", "done"),
        ("queues pause", "kind=shop name=one", "done"),
        ("breaker open", "name=shopify", "done"),
    ]
    [first, *_] = told(avnu("audit", "list", "--limit", "1", "--json"))
    assert (first["who"], first["host"]) == (getpass.getuser(), socket.gethostname())
    assert first["at"].endswith("Z")
    assert "breaker open" in avnu("audit", "list").stdout


def test_looks_and_mistakes_are_no_acts(avnu: Run, inbox: Inbox) -> None:
    avnu("dead", "replay", "--all", "--dry-run")
    avnu("dead", "replay")
    avnu("queues", "list")
    avnu("doctor")
    assert acts(avnu) == []
    assert "nothing was done so far" in avnu("audit", "list").stderr


def test_an_act_that_failed_is_one(avnu: Run, inbox: Inbox) -> None:
    assert avnu("dead", "replay", "one/none").exit_code == 3
    assert acts(avnu) == [("dead replay", "names=one.myshopify.com/none", "NotFound")]


def test_the_stream_is_capped(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avnu.acts._MOST", 200)
    for n in range(500):
        note_act(inbox.client, inbox.keys, Act("me", "here", f"act {n}", "x" * 9_000, "done"))
    assert 200 <= inbox.client.xlen(inbox.keys.of("acts")) < 400
    newest = latest_acts(inbox.client, inbox.keys, 3)
    assert [act.what for act in newest] == ["act 499", "act 498", "act 497"]
    assert len(newest[0].of) == 500


def test_without_redis_the_act_is_done_all_the_same(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The breaker is on a cache server that is up; the inbox is not."""
    monkeypatch.chdir(tmp_path)
    environ = settings.to_environ() | {
        "REDIS_CACHE_HOST": settings.redis_host,
        "REDIS_CACHE_PORT": str(settings.redis_port),
        "REDIS_PORT": "1",
    }
    result = runner(environ)("breaker", "open")
    assert result.exit_code == 0
    assert "breaker shopify: forced open" in result.stdout
    assert "not noted in the audit log: ConnectionError" in result.stderr
    assert runner(environ)("audit", "list").exit_code == 5


def test_who_called_sudo_is_told() -> None:
    me = getpass.getuser()
    assert who({}) == me
    assert who({"SUDO_USER": "ann"}) == f"ann as {me}"


def test_how_a_command_was_to_talk_is_not_of_interest() -> None:
    given = {"as_json": True, "yes": True, "shop": "one", "since": None, "tags": ("a", "b")}
    assert of(given) == "shop=one tags=a,b"
