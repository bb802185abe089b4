"""Reading, checking and hiding settings."""

import dataclasses
import pickle
import re
from pathlib import Path

import pytest

from avnu.errors import SettingsInvalid
from avnu.settings import ROWS, Durability, LogLevel, Secret, Settings, load_settings
from avnu.settings.example import example
from avnu.settings.kinds import Whole
from tests.support.rules import ALERTS, rules

ROOT = Path(__file__).parents[2]

# The names and defaults of the service that Avnu replaces: an operator's file must go on working.
SEED = {
    "REDIS_HOST": "localhost",
    "REDIS_PORT": "6379",
    "REDIS_PASSWORD": "",
    "REDIS_TLS_ENABLED": "false",
    "REDIS_CACHE_DB": "0",
    "REDIS_QUEUE_DB": "1",
    "REDIS_WEBHOOK_DB": "2",
    "REDIS_TTL_SECONDS": "86400",
    "QUEUE_CONCURRENCY": "3",
    "QUEUE_ATTEMPTS": "3",
    "QUEUE_BACKOFF_DELAY": "5000",
}


def faults_of(environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsInvalid) as caught:
        Settings.load(environ)
    return caught.value.faults


def test_the_seed_s_names_and_defaults_hold() -> None:
    defaults = {row.name: row.show_default() for row in ROWS}
    assert {name: defaults[name] for name in SEED} == SEED


def test_env_example_is_what_the_table_says() -> None:
    assert (ROOT / ".env.example").read_text() == example(), (
        "write it anew: python -m avnu.settings.example > .env.example"
    )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_setting_has_a_unit_a_sentence_and_a_line_in_the_example(row: object) -> None:
    assert row.kind.unit  # type: ignore[attr-defined]
    assert re.fullmatch(r"[^\n]{10,120}\.", row.help)  # type: ignore[attr-defined]
    line = f"#{row.name}={row.show_default()}"  # type: ignore[attr-defined]
    assert example().splitlines().count(line) == 1


def test_the_example_with_every_line_uncommented_loads_as_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(re.sub(r"(?m)^#([A-Z_]+=)", r"\1", example()))
    loaded = load_settings(path, environ={})
    assert dataclasses.replace(loaded, given=frozenset()) == Settings.load({})
    assert "REDIS_PORT" in loaded.given


def test_values_are_typed() -> None:
    settings = Settings.load(
        {
            "REDIS_PORT": " 7000 ",
            "REDIS_TLS_ENABLED": "YES",
            "INBOX_DURABILITY": "FSYNC",
            "LOG_LEVEL": "debug",
            "REDIS_SENTINELS": "one:26379, [fe80::1]:26380",
            "REDIS_SENTINEL_MASTER": "main",
            "TOKEN_ENCRYPTION_KEYS": "new,old",
        }
    )
    assert settings.redis_port == 7000
    assert settings.redis_tls_enabled is True
    assert settings.inbox_durability is Durability.FSYNC
    assert settings.log_level is LogLevel.DEBUG
    assert settings.redis_sentinels == (("one", 26379), ("fe80::1", 26380))
    assert [key.reveal() for key in settings.token_encryption_keys] == ["new", "old"]


def test_a_default_can_be_told_from_the_same_value_that_was_given() -> None:
    assert "REDIS_HOST" not in Settings.load({"REDIS_HOST": " "}).given
    given = Settings.load({"REDIS_HOST": "localhost"})
    assert given.redis_host == Settings.load({}).redis_host
    assert "REDIS_HOST" in given.given


def test_all_faults_are_told_at_once_each_with_what_to_do() -> None:
    faults = faults_of(
        {
            "REDIS_PORT": "six",
            "QUEUE_ATTEMPTS": "0",
            "REDIS_TLS_ENABLED": "maybe",
            "INBOX_DURABILITY": "disk",
            "REDIS_HOST": "localhost:1",
            "REDIS_CACHE_DB": "2",
        }
    )
    assert faults == [
        "REDIS_HOST='localhost:1' is not valid; give a name or address without scheme and port",
        "REDIS_PORT='six' is not a whole number; give port as a number from 1 to 65535",
        "REDIS_TLS_ENABLED='maybe' is neither true nor false; write true or false",
        "QUEUE_ATTEMPTS='0' is out of range; give runs as a number from 1 to 100",
        "INBOX_DURABILITY='disk' is not one of the choices; write one of memory, fsync, replica",
        "REDIS_CACHE_DB and REDIS_WEBHOOK_DB are both 2; give each a database of its own",
    ]


@pytest.mark.parametrize("text", ["1_000", "1e3", "٣", "0x10", "3.0", "+ 3", "9" * 30])
def test_only_plain_digits_are_numbers(text: str) -> None:
    (fault,) = faults_of({"QUEUE_CONCURRENCY": text})
    assert fault.startswith("QUEUE_CONCURRENCY=")


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"REDIS_QUEUE_DB": "2"}, "REDIS_QUEUE_DB and REDIS_WEBHOOK_DB"),
        ({"REDIS_SENTINELS": "a:1"}, "REDIS_SENTINEL_MASTER"),
        ({"REDIS_SENTINEL_MASTER": "main"}, "REDIS_SENTINELS"),
        ({"REDIS_SENTINELS": "a:70000", "REDIS_SENTINEL_MASTER": "m"}, "host:port,host:port"),
        ({"REDIS_TLS_CA_FILE": "/etc/hosts"}, "REDIS_TLS_ENABLED"),
        ({"REDIS_TLS_CA_FILE": "/no/such", "REDIS_TLS_ENABLED": "true"}, "cannot be read"),
        ({"PARK_FIRST_SECONDS": "301"}, "PARK_LONGEST_SECONDS"),
        ({"INBOX_FULL_PERCENT": "70"}, "CACHE_FULL_PERCENT"),
        ({"PARK_LONGEST_SECONDS": "3600", "PARK_MAX_SECONDS": "60"}, "PARK_MAX_SECONDS"),
        ({"RECONCILE_GRACE_SECONDS": "601"}, "RECONCILE_OVERLAP_SECONDS"),
        ({"MONITOR_LATE_SECONDS": "59"}, "MONITOR_CANARY_SECONDS"),
        ({"INBOX_SLICE_MS": "6000", "INBOX_LEASE_SECONDS": "5"}, "INBOX_LEASE_SECONDS"),
        (
            {"INBOX_DURABILITY": "replica", "INBOX_DURABILITY_TIMEOUT_MS": "2000"},
            "REDIS_SOCKET_TIMEOUT_MS",
        ),
        (
            {"WEBHOOK_MAX_BYTES": "2048", "WEBHOOK_INFLIGHT_BYTES": "1024"},
            "WEBHOOK_INFLIGHT_BYTES",
        ),
        ({"AVNU_NAMESPACE": "a:b"}, "AVNU_NAMESPACE"),
        ({"SHOPIFY_API_VERSION": "2026-08"}, "2026-07"),
        ({"METRICS_TOKEN": "ok", "REDIS_USERNAME": "a\nb"}, "REDIS_USERNAME"),
    ],
)
def test_what_does_not_fit_together_is_one_fault(environ: dict[str, str], named: str) -> None:
    (fault,) = faults_of(environ)
    assert named in fault
    assert ";" in fault


def test_the_cache_may_use_any_database_of_its_own_server() -> None:
    settings = Settings.load({"REDIS_CACHE_HOST": "cache", "REDIS_CACHE_DB": "2"})
    assert settings.redis_cache_db == settings.redis_webhook_db


def test_bounds_themselves_are_allowed() -> None:
    for row in ROWS:
        least, most = getattr(row.kind, "least", None), getattr(row.kind, "most", None)
        if least is None or most is None:
            continue
        assert row.kind.parse(str(least)) == least <= row.default <= most
        assert row.kind.parse(str(most)) == most
        for outside in (least - 1, most + 1):
            with pytest.raises(ValueError, match="out of range"):
                row.kind.parse(str(outside))


@pytest.mark.parametrize("alert", ["AvnuBeatStale", "AvnuCanaryStale"])
def test_no_canary_is_so_seldom_that_an_alert_takes_beat_for_dead(alert: str) -> None:
    (expr,) = [rule["expr"] for rule in rules(ALERTS) if rule.get("alert") == alert]
    after_s = int(re.findall(r"avnu_(?:beat|canary)_age_seconds\) > (\d+)", expr)[0])
    (row,) = [row for row in ROWS if row.name == "MONITOR_CANARY_SECONDS"]
    assert isinstance(row.kind, Whole)
    assert after_s >= 3 * row.kind.most


def test_a_canary_may_be_left_out_before_beat_is_late() -> None:
    twice = {"MONITOR_CANARY_SECONDS": "60", "MONITOR_LATE_SECONDS": "120"}
    assert Settings.load(twice).monitor_late_seconds == 120
    assert faults_of({**twice, "MONITOR_LATE_SECONDS": "119"})


def test_secrets_are_never_shown() -> None:
    names = [row.name for row in ROWS if row.secret]
    assert {"REDIS_PASSWORD", "SHOPIFY_API_SECRET", "METRICS_TOKEN", "DATABASE_URL"} <= set(names)
    settings = Settings.load(dict.fromkeys(names, "hunter2"))
    shown = f"{settings!r} {settings} {settings.redis_password} {settings.redis_password!r}"
    assert "hunter2" not in shown
    assert f"{settings.redis_password}" == "***"
    assert settings.redis_password.reveal() == "hunter2"
    assert "hunter2" not in str(faults_of(dict.fromkeys(names, "hunter2") | {"REDIS_PORT": "x"}))


def test_a_secret_equals_only_the_same_secret_and_is_false_when_empty() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1
    assert not Secret("")
    assert pickle.loads(pickle.dumps(Secret("a"))) == Secret("a")


def test_settings_go_to_a_child_process_unchanged() -> None:
    environ = {
        "REDIS_PASSWORD": "pa$$ word,=",
        "REDIS_SENTINELS": "one:1,[::1]:2",
        "REDIS_SENTINEL_MASTER": "main",
        "TOKEN_ENCRYPTION_KEYS": "new,old",
        "INBOX_DURABILITY": "replica",
        "REDIS_TLS_ENABLED": "true",
    }
    settings = Settings.load(environ)
    again = Settings.load(settings.to_environ())
    assert dataclasses.replace(again, given=settings.given) == settings


def test_the_environment_wins_over_the_file_even_when_empty(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("REDIS_HOST=file\nREDIS_PORT=7000\nREDIS_PASSWORD='a$HOME b'\nexport X=1\n")
    settings = load_settings(path, environ={"REDIS_HOST": "environment", "REDIS_PORT": ""})
    assert settings.redis_host == "environment"
    assert settings.redis_port == 6379
    assert settings.redis_password.reveal() == "a$HOME b"


def test_a_missing_file_is_empty(tmp_path: Path) -> None:
    assert load_settings(tmp_path / "none", environ={}) == Settings.load({})


def test_a_child_s_environment_hides_every_line_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("REDIS_PASSWORD=from-the-file\nINBOX_BATCH=7\n")
    settings = load_settings(path, environ=Settings.load({}).to_environ())
    assert not settings.redis_password
    assert settings.inbox_batch == 50


def test_the_receiver_asks_for_its_secret() -> None:
    with pytest.raises(SettingsInvalid, match="SHOPIFY_API_SECRET is not set"):
        Settings.load({}).require_receiver()
    Settings.load({"SHOPIFY_API_SECRET": "s"}).require_receiver()


@pytest.mark.parametrize("host", ["redis.internal", "10.0.0.7", "::1", "fe80::1:2", "r_1"])
def test_hosts(host: str) -> None:
    assert Settings.load({"REDIS_HOST": host}).redis_host == host


@pytest.mark.parametrize("host", ["redis://r", "r:6379", "u@r", "a b", "[::1]", "r/0"])
def test_not_hosts(host: str) -> None:
    faults_of({"REDIS_HOST": host})
