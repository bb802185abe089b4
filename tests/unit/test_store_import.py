"""What ``avnu shops import`` reads, and what it says of what it cannot."""

import json
from typing import Any

import pytest

from avnu.cli.shops_import import Entry, Fault, entries

NOW_S = 1_782_900_000.0  # 2026-07-01T10:00:00Z


def read(*found: Any, as_list: bool = False) -> list[Entry | Fault]:
    text = json.dumps(found) if as_list else "\n".join(json.dumps(one) for one in found)
    return list(entries(text, NOW_S))


def test_our_own_names() -> None:
    (entry,) = read(
        {
            "shop": "One",
            "access_token": "shpat_made_up",
            "refresh_token": "shprt_made_up",
            "access_expires_at": "2026-07-01T10:30:00Z",
            "refresh_expires_at": NOW_S + 100,
            "scopes": ["read_orders", "write_products"],
            "plan": "basic",
        }
    )
    assert isinstance(entry, Entry)
    assert (entry.shop, entry.plan) == ("one.myshopify.com", "basic")
    assert entry.scopes == ("read_orders", "write_products")
    assert entry.pair.access.reveal() == "shpat_made_up"
    assert entry.pair.refresh.reveal() == "shprt_made_up"
    assert (entry.pair.expires_in_s, entry.pair.refresh_expires_in_s) == (1800, 100)


@pytest.mark.parametrize("as_list", [False, True])
def test_a_dump_of_a_session_table_of_shopifys_libraries_for_node(as_list: bool) -> None:
    session = {
        "id": "offline_one.myshopify.com",
        "shop": "one.myshopify.com",
        "isOnline": False,
        "scope": "read_orders,write_products",
        "expires": (NOW_S + 60) * 1000,
        "accessToken": "shpat_made_up",
        "refreshToken": None,
    }
    online = {**session, "isOnline": True}
    (entry,) = read(session, online, as_list=as_list)
    assert isinstance(entry, Entry)
    assert (entry.pair.expires_in_s, bool(entry.pair.refresh)) == (60, False)
    assert entry.scopes == ("read_orders", "write_products")


def test_a_refreshable_token_of_unknown_age_is_renewed_at_its_first_use() -> None:
    (entry,) = read({"shop": "one", "access_token": "a", "refresh_token": "r"})
    assert isinstance(entry, Entry)
    assert entry.pair.expires_in_s == 0


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "is not a JSON object"),
        ("3", "is not a JSON object"),
        ('{"shop": "one"}', "has no access token"),
        ('{"shop": "one", "access_token": "hush hush"}', "has no access token"),
        ('{"shop": "one", "access_token": 7}', "has no access token"),
        ('{"shop": "one", "access_token": "a", "refresh_token": "hu sh"}', "has a refresh token"),
        ('{"access_token": "hush"}', "names no shop"),
        ('{"shop": "evil.example.com", "access_token": "hush"}', "names no shop"),
        ('{"shop": "one", "access_token": "hush", "expires": "hush"}', "has a time"),
        ('{"shop": "one", "access_token": "hush", "expires": {}}', "has a time"),
    ],
)
def test_a_fault_names_the_line_and_no_value(line: str, why: str) -> None:
    (fault,) = entries(f"\n{line}\n", NOW_S)
    assert isinstance(fault, Fault)
    assert fault.number == 2
    assert fault.why.startswith(why)
    assert "hush" not in fault.why


def test_a_list_that_is_broken_is_one_fault() -> None:
    (fault,) = entries('[{"shop": "one"', NOW_S)
    assert isinstance(fault, Fault)
