"""``avnu shops`` and ``avnu db``: tokens go in by stdin, and never come out."""

import json
import os
import pty
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from cryptography.fernet import Fernet

from avnu.clock import SystemClock
from avnu.inbox import Inbox
from avnu.reconcile.watermarks import Watermarks
from avnu.secret import Secret
from avnu.settings import Settings
from avnu.store.database import Store
from avnu.store.schema import upgrade
from avnu.store.shops import Shops, Status
from avnu.store.vault import Vault
from tests.support.command import Run, runner, start, told
from tests.support.inbox import open_inbox
from tests.support.token_server import CLIENT_ID, CLIENT_SECRET, SHOP, TokenServer, serving

ACCESS, REFRESH = "shpat_made_up_0", "shprt_made_up_0"
SECRETS = ("shpat_", "shprt_", CLIENT_SECRET, "gAAAA")


@pytest.fixture
def environ(settings: Settings, tmp_path: Path) -> dict[str, str]:
    return {
        **settings.to_environ(),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'avnu.db'}",
        "TOKEN_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "SHOPIFY_API_KEY": CLIENT_ID,
        "SHOPIFY_API_SECRET": CLIENT_SECRET,
        "LOG_LEVEL": "DEBUG",
    }


@pytest.fixture
def store(environ: dict[str, str]) -> Iterator[Store]:
    with Store(Secret(environ["DATABASE_URL"])) as opened:
        upgrade(opened)
        yield opened


@pytest.fixture
def avnu(environ: dict[str, str], store: Store) -> Run:
    """The command; whatever it prints is searched for secrets."""
    plain = runner(environ)

    def run(*arguments: str, stdin: bytes | None = None) -> Result:
        result = plain(*arguments, stdin=stdin)
        leaked = [word for word in SECRETS if word in result.output]
        assert not leaked, result.output
        return result

    return run


@pytest.fixture
def shops(store: Store) -> Shops:
    return Shops(store, SystemClock())


@pytest.fixture
def shopify(environ: dict[str, str]) -> Iterator[TokenServer]:
    """``avnu shops refresh`` asks this server instead of the shop."""
    with serving() as server:
        environ["SHOPIFY_ADMIN_ORIGIN"] = server.origin
        yield server


def add(
    avnu: Run, *options: str, stdin: str = f"{ACCESS}\n{REFRESH}\n", shop: str = SHOP
) -> Result:
    return avnu("shops", "add", shop, *options, stdin=stdin.encode())


# ---- database


def test_db_upgrade_makes_the_database_and_status_tells(
    environ: dict[str, str], tmp_path: Path
) -> None:
    avnu = runner({**environ, "DATABASE_URL": f"sqlite:///{tmp_path / 'new' / 'other.db'}"})
    before = avnu("db", "status", "--json")
    assert (before.exit_code, told(before)["form"]) == (1, "empty")
    assert not (tmp_path / "new").exists()
    listed = avnu("shops", "list")
    assert listed.exit_code == 1
    assert "run: avnu db upgrade" in listed.stderr
    assert "empty -> 0004" in avnu("db", "upgrade").stdout
    assert "was ready" in avnu("db", "upgrade").stdout
    after = avnu("db", "status", "--json")
    assert (after.exit_code, told(after)["form"]) == (0, "ready")


def test_a_database_out_of_reach_is_exit_code_5(environ: dict[str, str]) -> None:
    avnu = runner({**environ, "DATABASE_URL": "postgresql://avnu:hush@127.0.0.1:9/avnu"})
    for command in (("db", "status"), ("db", "upgrade"), ("shops", "list")):
        result = avnu(*command)
        assert result.exit_code == 5
        assert "hush" not in result.output


# ---- tokens in


def test_a_shop_is_added_by_stdin_and_shown_without_its_tokens(
    avnu: Run, store: Store, environ: dict[str, str]
) -> None:
    result = add(avnu, "--plan", "basic", "--scopes", "read_orders, write_products")
    assert (result.exit_code, result.stdout) == (0, f"{SHOP}: added\n")
    shown = told(avnu("shops", "show", SHOP, "--json"))
    assert (shown["status"], shown["plan"], shown["token"]) == ("installed", "basic", "expiring")
    assert shown["scopes"] == ["read_orders", "write_products"]
    assert "expiring" in avnu("shops", "show", SHOP).stdout
    assert SHOP in avnu("shops", "list").stdout
    with store.reading() as connection:
        row = connection.exec_driver_sql("SELECT access_token, refresh_token FROM shops").one()
    vault = Vault((Secret(environ["TOKEN_ENCRYPTION_KEYS"]),))
    assert vault.open(SHOP, "access_token", row[0]).reveal() == ACCESS
    assert vault.open(SHOP, "refresh_token", row[1]).reveal() == REFRESH


def test_a_lasting_token_is_one_line(avnu: Run, shops: Shops) -> None:
    assert add(avnu, stdin=ACCESS).exit_code == 0
    assert told(avnu("shops", "show", SHOP, "--json"))["token"] == "lasting"
    assert shops.get(SHOP).access_due_at is None


@pytest.mark.parametrize("stdin", ["", "\n", "shpat_made up\n", f"{ACCESS}\nshprt made up\n"])
def test_what_is_no_token_is_a_usage_error(avnu: Run, shops: Shops, stdin: str) -> None:
    assert add(avnu, stdin=stdin).exit_code == 2
    assert list(shops.every()) == []


def test_a_token_as_an_argument_is_refused(avnu: Run) -> None:
    assert avnu("shops", "add", SHOP, "x" * 20, stdin=b"").exit_code == 2


def test_on_a_terminal_the_tokens_are_asked_for_and_not_echoed(
    environ: dict[str, str], store: Store, shops: Shops, tmp_path: Path
) -> None:
    ours, theirs = pty.openpty()
    process = start(
        ["shops", "add", SHOP], environ, tmp_path, "add", stdin=theirs, start_new_session=True,
        preexec_fn=_take_terminal,
    )  # fmt: skip
    os.close(theirs)
    assert process.stderr is not None
    seen = b""
    for line in (ACCESS, REFRESH):
        while not seen.endswith(b": "):
            seen += os.read(ours, 1000)
        os.write(ours, f"{line}\n".encode())
        seen += b"|"
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    os.close(ours)
    assert ACCESS.encode() not in seen + out + err
    assert shops.get(SHOP).has_refresh_token


def _take_terminal() -> None:
    """The prompt reads the terminal itself, so there has to be a controlling one."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_without_a_key_nothing_is_taken_in(environ: dict[str, str], store: Store) -> None:
    avnu = runner({**environ, "TOKEN_ENCRYPTION_KEYS": ""})
    result = add(avnu)
    assert result.exit_code == 2
    assert "TOKEN_ENCRYPTION_KEYS is not set" in result.stderr
    assert avnu("shops", "list").exit_code == 0


def test_import_takes_what_it_can_and_says_what_it_cannot(
    avnu: Run, shops: Shops, tmp_path: Path
) -> None:
    add(avnu)
    lines: list[Any] = [
        {"shop": "one", "access_token": "shpat_one"},
        {"shop": SHOP, "access_token": "shpat_older"},
        {"shop": "two", "accessToken": "shpat_two", "refreshToken": "shprt_two"},
        {"shop": "three", "access_token": "shpat three"},
    ]
    text = "\n".join(json.dumps(line) for line in lines).encode()
    dry = avnu("shops", "import", "--dry-run", stdin=text)
    assert "readable: 3" in dry.stdout
    assert len(list(shops.every())) == 1
    result = avnu("shops", "import", stdin=text)
    assert result.exit_code == 1
    assert "imported: 2\nleft alone, as they have tokens: 1\n" in result.stdout
    assert "number 4 has no access token" in result.stderr
    assert [shop.domain for shop in shops.every()] == [
        SHOP,
        "one.myshopify.com",
        "two.myshopify.com",
    ]
    assert shops.get(SHOP).has_refresh_token
    file = tmp_path / "shops.json"
    file.write_text(json.dumps(lines[:3]))
    assert avnu("shops", "import", "--replace", str(file)).exit_code == 0
    assert not shops.get(SHOP).has_refresh_token


# ---- export


def test_what_is_exported_can_be_imported_and_is_the_same(
    avnu: Run, environ: dict[str, str], tmp_path: Path
) -> None:
    add(avnu, "--expires-in", "3600", "--refresh-expires-in", "7776000", "--plan", "plus",
        "--scopes", "read_orders,read_products")  # fmt: skip
    add(avnu, shop="lasting.myshopify.com", stdin="shpat_lasting\n")
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    result = avnu("shops", "export", "--with-tokens", "--to", str(first))
    assert (result.exit_code, result.stderr) == (0, "exported: 2\n")
    assert first.stat().st_mode & 0o777 == 0o600

    other = runner({**environ, "DATABASE_URL": f"sqlite:///{tmp_path / 'other.db'}",
                    "TOKEN_ENCRYPTION_KEYS": Fernet.generate_key().decode()})  # fmt: skip
    assert other("db", "upgrade").exit_code == 0
    assert "imported: 2\n" in other("shops", "import", str(first)).stdout
    other("shops", "export", "--with-tokens", "--to", str(second))
    there, here = ([json.loads(line) for line in one.read_text().splitlines()]
                   for one in (second, first))  # fmt: skip
    assert [one.keys() for one in there] == [one.keys() for one in here]
    for one, of in zip(there, here, strict=True):
        # Times are carried over as what is left of them; the shortest is an hour.
        for name in one.keys() & {"access_expires_at", "refresh_expires_at"}:
            apart = datetime.fromisoformat(one.pop(name)) - datetime.fromisoformat(of.pop(name))
            assert abs(apart) < timedelta(seconds=60)
    assert there == here
    assert (here[0]["access_token"], here[0]["refresh_token"]) == (ACCESS, REFRESH)
    assert here[1] == {"shop": "lasting.myshopify.com", "access_token": "shpat_lasting"}


def test_an_export_without_a_file_is_stdout_and_noted_without_tokens(
    avnu: Run, environ: dict[str, str]
) -> None:
    add(avnu)
    said = runner(environ)("shops", "export", "--with-tokens")
    assert json.loads(said.stdout)["refresh_token"] == REFRESH
    noted = avnu("audit", "list")  # searched for tokens
    assert "shops export" in noted.stdout
    assert "with_tokens" in noted.stdout


def test_tokens_are_exported_on_request_alone_and_never_over_a_file(
    avnu: Run, tmp_path: Path
) -> None:
    add(avnu)
    file = tmp_path / "shops.jsonl"
    assert avnu("shops", "export", "--to", str(file)).exit_code == 2
    assert not file.exists()
    file.write_text("what was there")
    result = avnu("shops", "export", "--with-tokens", "--to", str(file))
    assert (result.exit_code, result.stdout) == (2, "")
    assert file.read_text() == "what was there"


def test_a_shop_that_no_key_opens_is_named_and_the_others_are_exported(
    avnu: Run, environ: dict[str, str], tmp_path: Path
) -> None:
    add(avnu)
    environ["TOKEN_ENCRYPTION_KEYS"] = Fernet.generate_key().decode()
    changed = runner(environ)
    add(changed, shop="readable.myshopify.com")
    file = tmp_path / "shops.jsonl"
    result = changed("shops", "export", "--with-tokens", "--to", str(file))
    assert result.exit_code == 1
    assert SHOP in result.stderr
    assert json.loads(file.read_text())["shop"] == "readable.myshopify.com"


# ---- what an operator does


def test_refresh_asks_now(avnu: Run, shopify: TokenServer, shops: Shops) -> None:
    add(avnu, "--expires-in", "3600")
    result = avnu("shops", "refresh", SHOP)
    assert (result.exit_code, result.stdout) == (0, f"{SHOP}: refreshed\n")
    assert len(shopify.requests) == 1
    found = shops.get(SHOP)
    assert found.access_due_at is not None
    assert found.access_due_at > found.updated_at


def test_a_refresh_that_fails_is_exit_code_1_with_the_reason(
    avnu: Run, shopify: TokenServer
) -> None:
    add(avnu, "--expires-in", "3600")
    add(avnu, shop="lasting", stdin=ACCESS)
    shopify.answers = [(520, ACCESS.encode()), (400, b'{"error":"invalid_grant"}')]
    for expected in ("Shopify answers 520", "refuses the refresh token"):
        result = avnu("shops", "refresh", SHOP)
        assert result.exit_code == 1
        assert expected in result.stderr
    both = avnu("shops", "refresh", SHOP, "lasting")
    assert both.exit_code == 1
    assert f"{SHOP}: refreshed" in both.stdout
    assert "has no refresh token" in both.stderr


def test_resume_tries_the_shop_again(
    avnu: Run, shops: Shops, monkeypatch: pytest.MonkeyPatch
) -> None:
    unparked: list[str] = []

    def unpark(_: Inbox, shop: str) -> int:
        unparked.append(shop)
        return 1

    monkeypatch.setattr(Inbox, "unpark", unpark)
    add(avnu)
    shops.mark(SHOP, Status.UNAUTHORISED, "401")
    assert "401" in avnu("shops", "list", "--status", "unauthorised").stdout
    assert avnu("shops", "resume", "amber-lamps").exit_code == 0
    assert shops.get(SHOP).status is Status.INSTALLED
    assert unparked == [SHOP, SHOP]
    shops.uninstall(SHOP)
    refused = avnu("shops", "resume", SHOP)
    assert refused.exit_code == 1
    assert "avnu shops add" in refused.stderr


def test_what_was_parked_runs_after_resume(avnu: Run, settings: Settings) -> None:
    """The real inbox: resuming a shop that does not wait there is no error."""
    inbox = open_inbox(settings)
    add(avnu)
    assert avnu("shops", "resume", SHOP).exit_code == 0
    inbox.client.close()


def test_resume_without_redis_is_noted_and_told(
    environ: dict[str, str], store: Store, shops: Shops
) -> None:
    avnu = runner({**environ, "REDIS_HOST": "127.0.0.1", "REDIS_PORT": "9"})
    assert add(avnu).exit_code == 0
    shops.mark(SHOP, Status.FROZEN, "402")
    result = avnu("shops", "resume", SHOP)
    assert result.exit_code == 5
    assert "when their time comes" in result.stderr
    assert shops.get(SHOP).status is Status.INSTALLED


def test_remove_asks_first(avnu: Run, shops: Shops) -> None:
    add(avnu)
    assert avnu("shops", "remove", SHOP).exit_code == 2
    assert avnu("shops", "remove", SHOP, "--yes").exit_code == 0
    assert list(shops.every()) == []


@pytest.mark.parametrize("command", ["show", "remove", "refresh", "resume"])
def test_an_unknown_shop_is_exit_code_3(avnu: Run, command: str) -> None:
    result = avnu("shops", command, SHOP)
    assert result.exit_code == 3
    assert "not in the database" in result.stderr


def test_rotate_keys(avnu: Run, environ: dict[str, str]) -> None:
    add(avnu)
    old, new = environ["TOKEN_ENCRYPTION_KEYS"], Fernet.generate_key().decode()
    both: Callable[..., Result] = runner({**environ, "TOKEN_ENCRYPTION_KEYS": f"{new},{old}"})
    assert both("shops", "rotate-keys", "--check").exit_code == 1
    assert told(both("shops", "rotate-keys", "--json"))["sealed_again"] == 1
    assert both("shops", "rotate-keys", "--check").exit_code == 0
    lost = avnu("shops", "rotate-keys")
    assert lost.exit_code == 1
    assert SHOP in lost.stderr


def test_a_shop_that_comes_back_is_asked_for_what_it_missed(
    avnu: Run, store: Store, shops: Shops
) -> None:
    add(avnu)
    marks = Watermarks(store, 0)
    assert marks.of(SHOP) == []
    shops.uninstall(SHOP)
    assert add(avnu).exit_code == 0
    assert {mark.since for mark in marks.of(SHOP)} == {None}
