"""The command as a whole: help, settings, exit codes, arguments."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest

from avnu.cli import COMMANDS, main
from avnu.cli.choosing import Filters, Moment
from avnu.cli.development import env_file, with_secrets, write_env
from avnu.cli.exits import ending
from avnu.cli.found import CAUSES, REF, SHOP, meaning
from avnu.errors import (
    AvnuError,
    CannotReach,
    CheckFailed,
    EmbeddedFailed,
    InboxUnavailable,
    NotFound,
    SettingsInvalid,
)
from avnu.inbox.queries import STATES, Found
from avnu.settings import Settings, load_settings
from tests.support.command import Run, runner


@pytest.fixture
def avnu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    return runner({})


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        assert command is not None
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


ALL = list(commands(main))


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_explains_itself(avnu: Run, path: tuple[str, ...]) -> None:
    result = avnu(*path, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage:")


@pytest.mark.parametrize(
    "path",
    [("status",), ("webhooks", "list"), ("webhooks", "show"), ("dead", "list"), ("dead", "show"),
     ("queues", "list"), ("redis",), ("sizing",), ("doctor",), ("verify",), ("sign",),
     ("simulate", "run"), ("simulate", "trigger")],
    ids=" ".join,
)  # fmt: skip
def test_every_read_has_json(avnu: Run, path: tuple[str, ...]) -> None:
    assert path in ALL
    assert "--json" in avnu(*path, "--help").stdout


def test_the_commands_are_those_of_the_design() -> None:
    assert list(COMMANDS) == [
        "up", "run", "demo", "simulate", "sandbox", "status", "webhooks", "dead", "queues",
        "breaker", "cache", "shops", "compliance", "db", "redis", "sizing", "doctor", "audit",
        "verify", "sign",
    ]  # fmt: skip


def test_an_unknown_command_is_a_usage_error(avnu: Run) -> None:
    result = avnu("frobnicate")
    assert result.exit_code == 2
    assert "No such command" in result.stderr


@pytest.mark.parametrize("command", [("status",), ("dead", "list"), ("queues", "list"), ("up",)])
def test_all_faults_of_the_settings_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    result = runner({"REDIS_PORT": "none", "INBOX_PARTITIONS": "0"})(*command)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "REDIS_PORT" in result.stderr
    assert "INBOX_PARTITIONS" in result.stderr
    assert "Traceback" not in result.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (SettingsInvalid(["X is wrong"]), 2),
        (NotFound("it"), 3),
        (CannotReach("it"), 5),
        (InboxUnavailable("it"), 5),
        (CheckFailed("it"), 1),
        (EmbeddedFailed("it"), 1),
        (AvnuError("\x1b[2J"), 1),
    ],
)
def test_exit_codes(capsys: pytest.CaptureFixture[str], fault: AvnuError, code: int) -> None:
    assert ending(fault) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("avnu: ")
    assert "\x1b" not in err


def test_shops_and_refs() -> None:
    for given in ("one", "One.myshopify.com", " one "):
        assert SHOP.convert(given, None, None) == "one.myshopify.com"
    assert REF.convert("one/a/b c", None, None) == ("one.myshopify.com", "a/b c")
    for wrong in ("", "-x", "a.example", "a b", "x" * 62, "one.myshopify.com.evil"):
        with pytest.raises(click.BadParameter):
            SHOP.convert(wrong, None, None)
    for wrong in ("one", "one/", "/id", "a b/id"):
        with pytest.raises(click.BadParameter):
            REF.convert(wrong, None, None)


def test_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avnu.clock.SystemClock.time", lambda _: 1_000_000.0)
    read = Moment()
    assert read.convert("90s", None, None) == 999_910_000
    assert read.convert("2h", None, None) == 992_800_000
    assert read.convert("30min", None, None) == read.convert("30m", None, None) == 998_200_000
    assert read.convert("1d", None, None) == 913_600_000
    day = int(datetime(2026, 7, 1, tzinfo=UTC).timestamp() * 1000)
    assert read.convert("2026-07-01", None, None) == day
    assert read.convert("2026-07-01T02:00+02:00", None, None) == day
    for wrong in ("yesterday", "2 weeks", "-1h", "9999999h"):
        with pytest.raises(click.BadParameter):
            read.convert(wrong, None, None)


def test_no_filter_is_no_choice() -> None:
    assert not Filters().given()
    assert Filters(cause="poison").given()
    assert Filters(since=0).given()


@pytest.mark.parametrize("state", STATES)
def test_every_state_and_cause_has_a_meaning(state: str) -> None:
    for cause in (*CAUSES, ""):
        one = Found("one.myshopify.com", "1", state, "orders/create", cause=cause, due_ms=90_000)
        sentence = meaning(one, now_s=30)
        assert sentence.startswith("It ")
        assert "{" not in sentence
    if state == "solo":
        assert "in 1 min" in sentence


def test_secrets_for_development_are_made_once(tmp_path: Path) -> None:
    settings, made = with_secrets(Settings.load({}), tmp_path)
    assert made == ["SHOPIFY_API_SECRET", "TOKEN_ENCRYPTION_KEYS"]
    path = write_env(tmp_path, settings, made)
    assert path == env_file(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
    again, made = with_secrets(Settings.load({}), tmp_path)
    assert again == settings
    assert made == ["SHOPIFY_API_SECRET", "TOKEN_ENCRYPTION_KEYS"]
    read = load_settings(path, {})
    assert read.shopify_api_secret == settings.shopify_api_secret
    assert read.token_encryption_keys == settings.token_encryption_keys


def test_secrets_that_are_set_are_neither_made_nor_written(tmp_path: Path) -> None:
    given = Settings.load({"SHOPIFY_API_SECRET": "mine", "TOKEN_ENCRYPTION_KEYS": "k1,k2"})
    settings, made = with_secrets(given, tmp_path)
    assert settings == given
    assert made == []
    assert "mine" not in write_env(tmp_path, settings, [*made, "AVNU_PORT"]).read_text()
