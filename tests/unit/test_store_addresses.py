"""DATABASE_URL: what can be used, and that a fault never shows it."""

import traceback

import pytest

from avnu.errors import SettingsInvalid
from avnu.secret import Secret
from avnu.store.database import Store
from avnu.store.engine import parse_url, sqlite_path


@pytest.mark.parametrize(
    ("text", "driver"),
    [
        ("sqlite:///avnu.db", "sqlite"),
        ("sqlite+pysqlite:////data/avnu.db", "sqlite"),
        ("postgresql://user:hush@db.example.com/avnu", "postgresql+psycopg"),
        ("postgres://user:hush@db.example.com:5433/avnu?sslmode=require", "postgresql+psycopg"),
        ("postgresql+psycopg2://user:hush@db.example.com/avnu", "postgresql+psycopg"),
    ],
)
def test_addresses_that_can_be_used(text: str, driver: str) -> None:
    assert parse_url(Secret(text)).drivername == driver


@pytest.mark.parametrize(
    "text",
    [
        "hush",
        "mysql://user:hush@db.example.com/avnu",
        "sqlite://",
        "sqlite:///:memory:",
        "postgresql://user:hush@db.example.com:port/avnu",
    ],
)
def test_those_that_cannot_are_refused_with_advice_and_not_shown(text: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"DATABASE_URL .*; write sqlite:///") as caught:
        parse_url(Secret(text))
    assert "hush" not in "".join(traceback.format_exception(caught.value))


def test_the_file_of_an_sqlite_database() -> None:
    path = sqlite_path(parse_url(Secret("sqlite:///.avnu/avnu.db")))
    assert str(path) == ".avnu/avnu.db"
    assert sqlite_path(parse_url(Secret("postgresql://db.example.com/avnu"))) is None


def test_where_it_is_can_be_told_without_the_password() -> None:
    place = Store(Secret("postgresql://user:hush@db.example.com/avnu")).place
    assert "db.example.com/avnu" in place
    assert "hush" not in place
