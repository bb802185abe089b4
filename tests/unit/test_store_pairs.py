"""Tokens in memory: never shown, never sent; and their times when they are stored."""

import json
import pickle
import random
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from cryptography.fernet import Fernet

from avnu.secret import Secret
from avnu.store.pairs import AccessToken, TokenPair, columns_of
from avnu.store.vault import Vault

NOW_S = 1_782_900_000.0
SHOP = "one.myshopify.com"
VAULT = Vault((Secret(Fernet.generate_key().decode()),))
ACCESS, REFRESH = Secret("shpat_made_up"), Secret("shprt_made_up")


def columns(*pair: Any, seed: int = 1) -> dict[str, Any]:
    return columns_of(VAULT, SHOP, TokenPair(*pair), NOW_S, random.Random(seed))


def life_s(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp() - NOW_S


@pytest.mark.parametrize("seed", range(20))
def test_an_expiring_token_is_due_in_the_last_fifth_of_its_life(seed: int) -> None:
    kept = columns(ACCESS, REFRESH, 3600.0, 7_776_000.0, seed=seed)
    assert life_s(kept["access_expires_at"]) == 3600
    assert 2880 <= (life_s(kept["access_due_at"]) or 0) <= 3240
    assert life_s(kept["refresh_expires_at"]) == 7_776_000


def test_shops_that_came_together_are_not_due_together() -> None:
    due = {columns(ACCESS, REFRESH, 3600.0, seed=seed)["access_due_at"] for seed in range(20)}
    assert len(due) == 20


def test_without_a_lifetime_it_is_due_before_the_usual_one_ends_and_never_called_expired() -> None:
    kept = columns(ACCESS, REFRESH)
    assert kept["access_expires_at"] is None
    assert 2880 <= (life_s(kept["access_due_at"]) or 0) <= 3240


def test_a_lasting_token_is_never_due_and_leaves_the_refresh_token_alone() -> None:
    kept = columns(ACCESS)
    assert (kept["access_expires_at"], kept["access_due_at"]) == (None, None)
    assert "refresh_token" not in kept


def test_a_token_of_unknown_age_is_due_at_once() -> None:
    kept = columns(ACCESS, REFRESH, 0.0)
    assert kept["access_due_at"] == datetime.fromtimestamp(NOW_S, UTC)


def test_both_tokens_are_sealed_for_their_columns() -> None:
    kept = columns(ACCESS, REFRESH)
    assert VAULT.open(SHOP, "access_token", kept["access_token"]) == ACCESS
    assert VAULT.open(SHOP, "refresh_token", kept["refresh_token"]) == REFRESH


@pytest.mark.parametrize("token", [AccessToken(SHOP, ACCESS), TokenPair(ACCESS, REFRESH)])
def test_a_token_is_not_shown_and_does_not_travel(token: object) -> None:
    assert "made_up" not in f"{token!r} {token} {token!s:>5}"
    for write in (pickle.dumps, json.dumps, msgspec.json.encode):
        with pytest.raises(TypeError) as caught:
            write(token)
        assert "made_up" not in str(caught.value)
