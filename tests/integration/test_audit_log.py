"""The audit log: what operators did, and what they only looked at."""

import getpass
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from avnu.acts import Act, latest_acts, note_act
from avnu.cli import main
from avnu.cli.acting import of, who
from avnu.errors import InboxUnavailable
from avnu.inbox import Inbox
from avnu.inbox.audit import audit
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


def bury(settings: Settings, many: int) -> None:
    """So many dead letters, by one turn."""
    wide = open_inbox(settings, inbox_batch=many, inbox_batch_bytes=2**20)
    for start in range(0, many, 100):
        accept(wide, *range(start, min(start + 100, many)))
    holder, _ = begin(wide)
    settle(holder, *[REJECTED] * many)
    wide.client.close()


def ends_early(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, verb: str, call: int, fault: BaseException
) -> None:
    """``avnu dead`` of everything, whose call of that number ends with this."""
    calls: list[str] = []
    run = Inbox.run

    def failing(inbox: Inbox, script: str, *argv: Any) -> Any:
        calls.extend([script] if script == verb else [])
        if script == verb and len(calls) == call:
            raise fault
        return run(inbox, script, *argv)

    with monkeypatch.context() as patch:
        patch.setattr(Inbox, "run", failing)
        result = CliRunner(env=settings.to_environ()).invoke(main, ["dead", verb, "--all", "--yes"])
    assert result.exit_code != 0
    assert len(calls) == call


EARLY_ENDS = [
    (KeyboardInterrupt(), "interrupted"),
    (InboxUnavailable("it is gone"), "CannotReach"),
    (RuntimeError("a bug"), "RuntimeError"),
]


@pytest.mark.parametrize(("fault", "ended"), EARLY_ENDS, ids=[ended for _, ended in EARLY_ENDS])
def test_an_act_that_ended_early_is_noted_from_its_first_effect_on(
    avnu: Run, inbox: Inbox, monkeypatch: pytest.MonkeyPatch, fault: BaseException, ended: str
) -> None:
    bury(inbox.settings, 401)
    ends_early(inbox.settings, monkeypatch, "drop", 2, fault)
    assert audit(inbox).places["dead"] == 201
    ends_early(inbox.settings, monkeypatch, "replay", 2, fault)
    assert acts(avnu) == [
        ("dead drop", "everything=True", ended),
        ("dead replay", "everything=True", ended),
    ]


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), InboxUnavailable("it is gone")], ids=repr)
def test_an_act_that_ended_before_it_changed_anything_is_none(
    avnu: Run, inbox: Inbox, monkeypatch: pytest.MonkeyPatch, fault: BaseException
) -> None:
    bury(inbox.settings, 1)
    ends_early(inbox.settings, monkeypatch, "drop", 1, fault)
    assert audit(inbox).places["dead"] == 1
    assert acts(avnu) == []


def test_an_upgrade_of_the_database_is_an_act_and_needs_no_redis(
    settings: Settings, avnu: Run, tmp_path: Path
) -> None:
    environ = settings.to_environ() | {"DATABASE_URL": f"sqlite:///{tmp_path / 'one.db'}"}
    assert runner(environ)("db", "upgrade").exit_code == 0
    assert acts(avnu) == [("db upgrade", "", "done")]
    away = environ | {"DATABASE_URL": f"sqlite:///{tmp_path / 'two.db'}", "REDIS_PORT": "1"}
    result = runner(away)("db", "upgrade")
    assert result.exit_code == 0
    assert "two.db: empty -> " in result.stdout
    assert "not noted in the audit log: ConnectionError" in result.stderr


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
