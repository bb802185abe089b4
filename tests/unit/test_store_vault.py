"""The vault: what it seals opens at its own place and nowhere else, with any key of the list."""

import base64
import os
import traceback

import pytest
from cryptography.fernet import Fernet

from avnu.errors import SettingsInvalid, TokenUnreadable
from avnu.secret import Secret
from avnu.settings import Settings
from avnu.store.vault import Vault, require_vault

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
SHOP, OTHER = "one.myshopify.com", "two.myshopify.com"
TOKEN = Secret("shpat_made_up")


def vault(*keys: str) -> Vault:
    return Vault(tuple(map(Secret, keys)))


def test_what_was_sealed_opens_at_its_place() -> None:
    sealed = vault(NEW).seal(SHOP, "access_token", TOKEN)
    assert vault(NEW).open(SHOP, "access_token", sealed) == TOKEN
    assert TOKEN.reveal() not in sealed


@pytest.mark.parametrize(("shop", "column"), [(OTHER, "access_token"), (SHOP, "refresh_token")])
def test_it_opens_nowhere_else(shop: str, column: str) -> None:
    sealed = vault(NEW).seal(SHOP, "access_token", TOKEN)
    with pytest.raises(TokenUnreadable, match="sealed for another"):
        vault(NEW).open(shop, column, sealed)


def test_every_key_of_the_list_opens_and_the_first_one_seals() -> None:
    before, during, after = vault(OLD), vault(NEW, OLD), vault(NEW)
    old = before.seal(SHOP, "access_token", TOKEN)
    new = during.seal(SHOP, "access_token", TOKEN)
    assert during.open(SHOP, "access_token", old) == TOKEN
    assert vault(OLD, NEW).open(SHOP, "access_token", new) == TOKEN
    assert after.open(SHOP, "access_token", new) == TOKEN
    assert (during.is_newest(old), during.is_newest(new)) == (False, True)
    with pytest.raises(TokenUnreadable, match="add the key"):
        after.open(SHOP, "access_token", old)


@pytest.mark.parametrize("broken", ["", "shpat_plain_text", "gAAAA", "é"])
def test_what_is_not_sealed_is_unreadable(broken: str) -> None:
    with pytest.raises(TokenUnreadable):
        vault(NEW).open(SHOP, "access_token", broken)


def test_what_a_key_has_sealed_without_a_place_is_unreadable() -> None:
    foreign = Fernet(NEW).encrypt(b"shpat_made_up").decode()
    with pytest.raises(TokenUnreadable) as caught:
        vault(NEW).open(SHOP, "access_token", foreign)
    assert TOKEN.reveal() not in "".join(traceback.format_exception(caught.value))


def test_without_a_key_there_is_no_vault_and_the_error_says_what_to_do() -> None:
    with pytest.raises(SettingsInvalid, match="TOKEN_ENCRYPTION_KEYS is not set; make one with"):
        require_vault(Settings.load({}))


def test_a_wrong_key_is_named_by_its_place_and_not_shown() -> None:
    settings = Settings.load({"TOKEN_ENCRYPTION_KEYS": f"{NEW},not-a-key"})
    with pytest.raises(SettingsInvalid, match="number 2 is not a Fernet key") as caught:
        require_vault(settings)
    assert "not-a-key" not in "".join(traceback.format_exception(caught.value))


def test_the_advice_makes_a_key() -> None:
    made = base64.b64encode(os.urandom(32)).decode().translate(str.maketrans("+/", "-_"))
    sealed = require_vault(Settings.load({"TOKEN_ENCRYPTION_KEYS": made})).seal(SHOP, "a", TOKEN)
    assert vault(made).open(SHOP, "a", sealed) == TOKEN


def test_a_vault_does_not_show_its_keys() -> None:
    assert repr(vault(NEW, OLD)) == "Vault(***)"
