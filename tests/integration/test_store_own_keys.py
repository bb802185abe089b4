"""The key that Avnu makes for itself: the same in all processes, and it outlives other keys."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select

from avnu.errors import TokenUnreadable
from avnu.secret import Secret
from avnu.store.database import Store
from avnu.store.own_keys import own_key
from avnu.store.rotation import Rotation, rotate
from avnu.store.subjects import Subjects
from avnu.store.tables import secrets
from avnu.store.vault import Vault

pytest_plugins = ("tests.support.store_fixtures",)

SHOP, OTHER = "one.myshopify.com", "two.myshopify.com"


def vault(*keys: str) -> Vault:
    return Vault(tuple(map(Secret, keys)))


def test_processes_that_make_it_at_once_have_the_same(database: Secret, key: str) -> None:
    number = 6
    start = threading.Barrier(number)

    def make(mine: int) -> bytes:
        with Store(database) as store:
            start.wait(10)
            return own_key(store, vault(key), "one", bytes([mine]) * 32)

    with ThreadPoolExecutor(number) as pool:
        found = set(pool.map(make, range(number)))
    assert len(found) == 1
    assert len(found.pop()) == 32


def test_rotation_seals_it_again_and_subjects_stay_what_they_are(store: Store, key: str) -> None:
    before = Subjects(store, vault(key)).of_id(SHOP, 5)
    new = Fernet.generate_key().decode()
    assert rotate(store, vault(new, key), dry_run=True) == Rotation(own_sealed_again=1)
    assert rotate(store, vault(new, key)) == Rotation(own_sealed_again=1)
    assert rotate(store, vault(new, key)) == Rotation()
    assert Subjects(store, vault(new)).of_id(SHOP, 5) == before
    assert rotate(store, vault(key)) == Rotation(own_unreadable=["subjects"])
    with pytest.raises(TokenUnreadable, match="own key 'subjects'"):
        Subjects(store, vault(key)).of_id(SHOP, 5)


def test_it_is_not_in_the_database_as_it_is(store: Store, key: str) -> None:
    made = own_key(store, vault(key), "one", b"k" * 32)
    with store.reading() as connection:
        (sealed,) = connection.execute(select(secrets.c.sealed)).scalars()
    assert made == b"k" * 32
    assert made.hex() not in sealed


def test_a_subject_is_by_shop_kind_and_value_and_not_by_spelling(store: Store, key: str) -> None:
    subjects = Subjects(store, vault(key))
    apart = [
        subjects.of_id(SHOP, 5),
        subjects.of_id(OTHER, 5),
        subjects.of_id(SHOP, 6),
        subjects.of_phone(SHOP, "5"),
        subjects.of_email(SHOP, "ann@example.com"),
    ]
    assert len(set(apart)) == len(apart)
    assert subjects.of_email(SHOP, " Ann@Example.COM ") == apart[-1]
    assert subjects.of_phone(SHOP, "+49 (30) 123-45") == subjects.of_phone(SHOP, "493012345")
