"""``avnu doctor``: well where all is well, and each fault named with what to do."""

import contextlib
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from avnu.clock import SystemClock
from avnu.inbox import Inbox
from avnu.secret import Secret
from avnu.settings import Settings
from avnu.store.database import Store
from avnu.store.installing import Installing
from avnu.store.pairs import TokenPair
from avnu.store.shops import Shops, Status
from avnu.store.vault import Vault
from tests.conftest import API_SECRET
from tests.support.command import Run, runner, told
from tests.support.database import database_environ
from tests.support.inbox import accept, begin, move_time, open_inbox, send_alone
from tests.support.servers import Server

pytest_plugins = ("tests.support.command_fixtures",)


@pytest.fixture
def whole(settings: Settings, tmp_path: Path) -> dict[str, str]:
    """All that a worker needs."""
    app = {"SHOPIFY_API_KEY": "made-up-client-id"}
    return settings.to_environ() | database_environ(tmp_path) | app


@pytest.fixture
def avnu(whole: dict[str, str]) -> Run:
    return runner(whole)


@pytest.fixture
def inbox(settings: Settings) -> Iterator[Inbox]:
    opened = open_inbox(settings)
    yield opened
    opened.client.close()


def checks(result: Any) -> dict[str, dict[str, str]]:
    return {check["name"]: check for check in told(result)["checks"]}


def failures(result: Any) -> set[str]:
    return {name for name, check in checks(result).items() if check["state"] == "failed"}


def test_all_is_well(avnu: Run, inbox: Inbox) -> None:
    accept(inbox, 1, 2, 3)
    send_alone(inbox, 4, shop="two")
    accept(inbox, 5, shop="three")
    begin(inbox, "three")
    inbox.tick()
    result = avnu("doctor", "--json")
    assert result.exit_code == 0, result.output
    assert told(result)["ok"] is True
    found = checks(result)
    assert set(found) == {
        "settings", "token keys", "tokens", "app", "database", "shops", "compliance", "breaker",
        "inbox database 2", "queue database 1", "cache database 0", "rights in inbox database 2",
        "rights in queue database 1", "rights in cache database 0", "server", "persistence",
        "memory", "connections", "replication", "connections of the server", "clock of the server",
        "workers", "beat", "canary", "room", "waiting", "partitions", "deliveries", "subscriptions",
        "parked", "pauses", "accounts",
    }  # fmt: skip
    assert found["accounts"]["found"] == "they add up: 1 leased, 0 settled, 1 solo, 3 waiting"
    assert "Valkey 9" in found["server"]["found"]
    assert found["persistence"]["found"] == "append-only file, INBOX_DURABILITY=memory"


def test_it_leaves_nothing(avnu: Run, inbox: Inbox, server: Server) -> None:
    def keys() -> list[set[object]]:
        return [set(server.client(db).keys()) for db in range(3)]

    inbox.tick()
    before = keys()
    avnu("doctor")
    assert keys() == before


def test_for_people(avnu: Run, inbox: Inbox) -> None:
    result = avnu("doctor")
    assert result.exit_code == 1
    assert "ok    inbox database 2: PING took" in result.stdout
    assert "FAIL  workers: last tick never" in result.stdout
    assert "why it matters: webhooks are kept, but not followed" in result.stdout
    assert "what to do: start one: celery -A avnu worker" in result.stdout
    assert "look  memory: maxmemory is not set" in result.stdout
    assert "1 of 32 checks failed" in result.stderr


def test_settings_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = runner({"REDIS_PORT": "x", "LOG_LEVEL": "loud"})("doctor", "--json")
    assert result.exit_code == 1
    lines = [check["found"] for check in told(result)["checks"]]
    assert len(lines) == 2
    assert any("REDIS_PORT" in line for line in lines)
    assert any("LOG_LEVEL" in line for line in lines)


def test_a_missing_secret(avnu: Run, whole: dict[str, str], inbox: Inbox) -> None:
    inbox.tick()
    environ = whole | {"SHOPIFY_API_SECRET": ""}
    result = runner(environ)("doctor", "--json")
    assert failures(result) == {"settings"}
    assert API_SECRET not in avnu("doctor").output


def test_tokens_that_no_key_opens(avnu: Run, whole: dict[str, str], inbox: Inbox) -> None:
    inbox.tick()
    with Store(Secret(whole["DATABASE_URL"])) as store:
        vault = Vault((Secret(whole["TOKEN_ENCRYPTION_KEYS"]),))
        taking = Installing(store, vault, SystemClock(), random.Random(1))
        assert taking.install("acme.myshopify.com", TokenPair(Secret("shpat_of_acme")))
    assert checks(avnu("doctor", "--json"))["tokens"]["found"] == "those of 1 shops can be opened"
    other = runner(whole | {"TOKEN_ENCRYPTION_KEYS": Fernet.generate_key().decode()})
    result = other("doctor", "--json")
    assert failures(result) == {"tokens"}
    assert "acme.myshopify.com" in checks(result)["tokens"]["found"]


def test_a_database_that_avnu_cannot_use(whole: dict[str, str], inbox: Inbox) -> None:
    inbox.tick()
    result = runner(whole | {"DATABASE_URL": "mysql://a/b"})("doctor", "--json")
    assert failures(result) == {"database"}
    check = checks(result)["database"]
    assert check["found"].startswith("DATABASE_URL names 'mysql', which Avnu cannot use; write ")
    assert "\n" not in check["found"]
    assert check["todo"] == "correct DATABASE_URL"


def test_a_server_out_of_reach(avnu: Run, whole: dict[str, str]) -> None:
    environ = whole | {"REDIS_PORT": "1"}
    result = runner(environ)("doctor", "--json")
    assert result.exit_code == 1
    assert failures(result) == {"inbox database 2", "queue database 1", "cache database 0"}
    assert all(check["todo"] for check in checks(result).values() if check["state"] == "failed")


def test_one_database_out_of_reach(avnu: Run, whole: dict[str, str], inbox: Inbox) -> None:
    """The cache on a server of its own, which is down, fails nothing else."""
    inbox.tick()
    environ = whole | {"REDIS_CACHE_HOST": "127.0.0.1", "REDIS_CACHE_PORT": "1"}
    result = runner(environ)("doctor", "--json")
    assert failures(result) == {"cache database 0"}
    assert checks(result)["accounts"]["state"] == "ok"


def test_a_server_with_the_wrong_policy(
    whole: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    extra = ["--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru", "--appendonly", "no"]
    with Server(tmp_path / "server", extra=extra) as other:
        environ = whole | other.environ() | {"INBOX_DURABILITY": "fsync"}
        result = runner(environ)("doctor", "--json")
    found = [check for check in told(result)["checks"] if check["name"] == "server"]
    assert result.exit_code == 1
    assert any("allkeys-lru" in check["found"] for check in found)
    assert any("append-only file" in check["found"] for check in found)
    assert all(check["todo"] and check["why"] for check in found)


def test_too_few_connections_and_no_persistence(
    whole: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    extra = ["--maxclients", "60", "--appendonly", "no", "--maxmemory", "64mb"]
    with Server(tmp_path / "server", extra=extra) as other:
        result = runner(whole | other.environ())("doctor", "--json")
    found = checks(result)
    assert failures(result) == {"connections of the server", "workers"}
    assert "raise maxclients" in found["connections of the server"]["todo"]
    assert found["persistence"]["state"] == "warning"
    assert found["memory"]["found"] == "1 % of maxmemory 64 MiB, accept stops at 85 %"


def test_a_full_inbox_old_ticks_and_pauses(avnu: Run, inbox: Inbox) -> None:
    inbox.tick()
    move_time(inbox, 60)
    inbox.pause("area", "orders")
    inbox.client.hset(inbox.keys.of("control"), "full", "1")
    result = avnu("doctor", "--json")
    found = checks(result)
    assert failures(result) == {"workers", "room"}
    assert re.fullmatch(r"last tick 6\d s ago", found["workers"]["found"])
    assert found["pauses"]["state"] == "warning"
    assert found["pauses"]["found"] == "area:orders"


def test_accounts_that_do_not_add_up(avnu: Run, inbox: Inbox) -> None:
    accept(inbox, 1, 2)
    inbox.tick()
    inbox.client.delete(inbox.keys.of("record", "one/1"))
    result = avnu("doctor", "--json")
    assert failures(result) == {"accounts"}
    assert (
        "one/1 stands in waiting in orders/one without a record"
        in (checks(result)["accounts"]["found"])
    )


Step = Callable[[], None]


@contextlib.contextmanager
def between_audits(monkeypatch: pytest.MonkeyPatch, step: Step) -> Iterator[None]:
    """Something moves each time the doctor waits."""
    with monkeypatch.context() as patch:
        patch.setattr("avnu.clock.SystemClock.sleep", lambda _self, _seconds: step())
        yield


def test_a_moving_inbox_is_read_again(
    avnu: Run, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault that is gone when looked at again was a move under the auditor."""
    accept(inbox, 1)
    inbox.tick()
    key = inbox.keys.of("counts")
    inbox.client.hincrby(key, "accepted:orders", 1)
    with between_audits(monkeypatch, lambda: accept_quietly(inbox)):
        result = avnu("doctor", "--json")
    assert checks(result)["accounts"]["state"] == "ok"


def accept_quietly(inbox: Inbox) -> None:
    """What the counter was ahead of."""
    inbox.client.hincrby(inbox.keys.of("counts"), "accepted:orders", -1)


def test_an_inbox_that_never_stands_still(
    avnu: Run, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time another fault: nothing is proven, and the doctor says that."""
    inbox.tick()
    inbox.client.hincrby(inbox.keys.of("counts"), "accepted:orders", 1)
    with between_audits(
        monkeypatch, lambda: inbox.client.hincrby(inbox.keys.of("counts"), "accepted:orders", 1)
    ):
        result = avnu("doctor", "--json")
    assert checks(result)["accounts"]["state"] == "warning"
    assert result.exit_code == 0


def test_what_a_worker_needs_to_call_shopify(whole: dict[str, str], tmp_path: Path) -> None:
    without = {
        "TOKEN_ENCRYPTION_KEYS": "",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'nothing.db'}",
        "SHOPIFY_API_KEY": "",
    }
    result = runner(whole | without)("doctor", "--json")
    found = checks(result)
    assert failures(result) == {"token keys", "database", "workers"}
    assert "set TOKEN_ENCRYPTION_KEYS" in found["token keys"]["todo"]
    assert found["database"]["todo"] == "run: avnu db upgrade"
    assert found["app"]["state"] == "warning"
    sandboxed = runner(whole | {"SHOPIFY_ADMIN_ORIGIN": "http://127.0.0.1:9"})("doctor", "--json")
    assert "that is not Shopify" in checks(sandboxed)["app"]["why"]


def test_shops_in_trouble_and_an_open_breaker(avnu: Run, whole: dict[str, str]) -> None:
    for name in ("good", "bad"):
        assert avnu("shops", "add", name, stdin=b"shpat_made_up\n\n").exit_code == 0
    with Store(Secret(whole["DATABASE_URL"])) as store:
        Shops(store, SystemClock()).mark("bad.myshopify.com", Status.FROZEN)
    avnu("breaker", "open")
    found = checks(avnu("doctor", "--json"))
    assert found["shops"]["found"] == "1 frozen, 1 installed: bad.myshopify.com"
    assert found["shops"]["state"] == found["breaker"]["state"] == "warning"
    assert found["breaker"]["found"] == "shopify forced-open"
