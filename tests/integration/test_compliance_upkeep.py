"""Deadlines are reminded of once a day, exports end, and operators see it all, and no names."""

import json
import logging
import os
from datetime import timedelta
from pathlib import Path

import pytest

from avnu.app import create_app
from avnu.compliance.exports import Exports
from avnu.compliance.ledger import Ledger
from avnu.compliance.upkeep import purge_exports, remind
from avnu.health.gathering import read_database
from avnu.health.shopify_checks import compliance_check
from avnu.secret import Secret
from avnu.settings import Settings
from avnu.store.columns import instant
from avnu.store.database import Store
from avnu.upkeep import run_job
from tasks import maintenance
from tests.support.command import Run, runner, told
from tests.support.database import database_environ
from tests.support.market import SHOP, START, Hand

pytest_plugins = ("tests.support.store_fixtures",)

DAY_S = 86400.0


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def ledger(store: Store, clock: Hand) -> Ledger:
    return Ledger(store, clock)


@pytest.fixture
def environ(database: Secret, tmp_path: Path) -> dict[str, str]:
    key = database_environ(tmp_path / "other")["TOKEN_ENCRYPTION_KEYS"]
    return {
        "DATABASE_URL": database.reveal(),
        "TOKEN_ENCRYPTION_KEYS": key,
        "COMPLIANCE_EXPORT_DIR": str(tmp_path / "exports"),
    }


@pytest.fixture
def known(environ: dict[str, str]) -> Settings:
    return Settings.load(environ)


@pytest.fixture
def avnu(environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    return runner(environ)


def test_an_open_request_near_its_deadline_is_an_error_once_a_day(
    ledger: Ledger, store: Store, clock: Hand, known: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    ledger.note(SHOP, "open", "customers/redact", START)
    ledger.note(SHOP, "done", "customers/redact", START)
    ledger.done(SHOP, "done", orders_cut_off=1)

    def reminded() -> list[str]:
        caplog.clear()
        with caplog.at_level(logging.ERROR):
            found = [one.id for one in remind(known, store, clock)]
        assert len(caplog.records) == len(found)
        return found

    clock.now += 20 * DAY_S - 60
    assert reminded() == []
    clock.now += 60
    assert reminded() == ["open"]
    assert vars(caplog.records[0])["fields"] == {
        "topic": "customers/redact", "due": "2026-07-31", "shop": SHOP, "request": "open",
    }  # fmt: skip
    assert reminded() == [], "another beat at the same time"
    clock.now += DAY_S
    assert reminded() == ["open"]
    ledger.done(SHOP, "open")
    clock.now += DAY_S
    assert reminded() == []


def test_an_export_past_its_time_goes_with_its_name_and_what_was_left_half_written(
    ledger: Ledger, store: Store, clock: Hand, known: Settings
) -> None:
    exports = Exports(Path(known.compliance_export_dir))
    for name, days in (("old", 1), ("new", 3)):
        ledger.note(SHOP, name, "customers/data_request", START)
        ledger.file(SHOP, name, f"data-request-{name}.json", START + timedelta(days=days))
        exports.write(f"data-request-{name}.json", b"{}")
    foreign = exports.folder / "somebody-else's.json"
    half = exports.folder / "data-request-new.json.0123.part"
    for path in (foreign, half):
        path.write_text("{")
    for path in exports.folder.glob("*"):
        os.utime(path, (clock.now, clock.now))
    assert purge_exports(known, store, clock) == 0
    clock.now += 2 * DAY_S
    assert purge_exports(known, store, clock) == 2
    assert {path.name for path in exports.folder.glob("*")} == {
        foreign.name,
        "data-request-new.json",
    }
    assert ledger.get(SHOP, "old").export is None
    assert ledger.get(SHOP, "new").export == "data-request-new.json"
    assert purge_exports(known, store, clock) == 0


def test_evidence_adds_up_over_runs_and_is_done_once(ledger: Ledger, clock: Hand) -> None:
    first = ledger.note(SHOP, "one", "customers/redact", START)
    assert ledger.note(SHOP, "one", "customers/redact", START + timedelta(days=1)) == first
    ledger.add(SHOP, "one", bodies_replaced=2)
    ledger.add(SHOP, "one", bodies_replaced=3, exports_removed=0)
    ledger.done(SHOP, "one", orders_cut_off=1)
    clock.now += 60
    ledger.done(SHOP, "one")
    found = ledger.get(SHOP, "one")
    assert found.done_at == instant(clock.now - 60)
    assert found.evidence == {"bodies_replaced": 5, "exports_removed": 0, "orders_cut_off": 1}


# ---- avnu compliance


@pytest.fixture
def requests(ledger: Ledger, known: Settings) -> None:
    ledger.note(SHOP, "data", "customers/data_request", START)
    ledger.name(SHOP, "data", "f" * 64)
    ledger.file(SHOP, "data", "data-request-x.json", START + timedelta(days=14))
    Exports(Path(known.compliance_export_dir)).write("data-request-x.json", b'{"orders": []}\n')
    ledger.done(SHOP, "data", orders=2)
    ledger.note(SHOP, "open", "shop/redact", START + timedelta(days=1))


def test_list_and_show(avnu: Run, requests: None) -> None:
    every = told(avnu("compliance", "list", "--json"))
    assert [(one["id"], one["done_at"] is None) for one in every] == [
        ("data", False),
        ("open", True),
    ]
    assert every[0]["evidence"] == {"orders": 2}
    still_open = told(avnu("compliance", "list", "--open", "--shop", SHOP, "--json"))
    assert [one["id"] for one in still_open] == ["open"]
    listed = avnu("compliance", "list").stdout
    assert f"{SHOP}/data" in listed
    assert "2026-07-31T18:00:00" in listed
    shown = avnu("compliance", "show", f"{SHOP}/data")
    assert "data-request-x.json" in shown.stdout
    assert told(avnu("compliance", "show", f"{SHOP}/open", "--json"))["done_at"] is None
    assert avnu("compliance", "show", f"{SHOP}/nobody's").exit_code == 3


def test_export_prints_the_file_or_its_place(
    avnu: Run, requests: None, known: Settings, ledger: Ledger
) -> None:
    printed = avnu("compliance", "export", f"{SHOP}/data")
    assert json.loads(printed.stdout) == {"orders": []}
    path = avnu("compliance", "export", f"{SHOP}/data", "--path").stdout.strip()
    assert Path(path) == Path(known.compliance_export_dir) / "data-request-x.json"
    assert avnu("compliance", "export", f"{SHOP}/open").exit_code == 3
    Path(path).unlink()
    gone = avnu("compliance", "export", f"{SHOP}/data")
    assert gone.exit_code == 3
    assert "cannot be read here" in gone.stderr


@pytest.mark.parametrize(
    ("ago_days", "state"), [(None, "ok"), (0, "ok"), (21, "warning"), (31, "failed")]
)
def test_doctor_tells_of_the_nearest_deadline(
    ago_days: int | None, state: str, store: Store, known: Settings
) -> None:
    clock = Hand()
    if ago_days is not None:
        received_at = START - timedelta(days=ago_days)
        Ledger(store, clock).note(SHOP, "asked", "shop/redact", received_at)
    check = compliance_check(read_database(store, clock), instant(clock.time()), known)
    assert check.state == state
    assert ("asked" in check.found) == (state != "ok")


def test_beat_has_it_done(
    store: Store, clock: Hand, settings: Settings, environ: dict[str, str]
) -> None:
    Ledger(store, clock).note(SHOP, "late", "customers/redact", START - timedelta(days=40))
    runtime = create_app(Settings.load({**settings.to_environ(), **environ}), clock).runtime
    did = run_job(runtime, "look_at_requests", maintenance.look_at_requests)
    runtime.services.get().close()
    assert did == {"ended": "done", "reminded": 1, "exports": 0, "late_bodies": 0}
