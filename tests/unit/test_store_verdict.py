"""What is done about a token, for every state of its row."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from avnu.store.shops import Status
from avnu.store.verdict import TokenRow, Verdict, judge

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
# The database's clock is another; only leases and waits go by it.
DATABASE_NOW = NOW + timedelta(hours=5)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def in_database(seconds: float) -> datetime:
    return DATABASE_NOW + timedelta(seconds=seconds)


def row(**fields: Any) -> TokenRow:
    return TokenRow(
        **{
            "shop": "one.myshopify.com", "status": Status.INSTALLED, "reason": "",
            "access": "sealed", "refresh": "sealed", "expires_at": after(3600),
            "due_at": after(3000), "owner": None, "until": None, "after": None, "failures": 0,
            "now": DATABASE_NOW, **fields,
        }
    )  # fmt: skip


DUE: dict[str, Any] = {"due_at": after(-1)}
EXPIRED: dict[str, Any] = {"due_at": after(-600), "expires_at": after(-1)}
LEASED: dict[str, Any] = {"owner": "another", "until": in_database(5)}
LEFT: dict[str, Any] = {"owner": "killed", "until": in_database(-1)}
FAILED: dict[str, Any] = {"after": in_database(5), "failures": 1}
LASTING: dict[str, Any] = {"refresh": None, "expires_at": None, "due_at": None}
REFUSED: dict[str, Any] = {"status": Status.UNAUTHORISED}


@pytest.mark.parametrize(
    ("fields", "refused", "verdict"),
    [
        ({}, False, Verdict.SERVE),
        (LEASED, False, Verdict.SERVE),
        ({"status": Status.FROZEN}, False, Verdict.SERVE),
        (DUE, False, Verdict.ASK),
        (DUE | LEASED, False, Verdict.SERVE),
        (DUE | LEFT, False, Verdict.ASK),
        (DUE | FAILED, False, Verdict.SERVE),
        (DUE | {"after": in_database(-1)}, False, Verdict.ASK),
        (DUE | {"refresh": None}, False, Verdict.SERVE),
        (EXPIRED, False, Verdict.ASK),
        (EXPIRED | LEASED, False, Verdict.WAIT),
        (EXPIRED | LEFT, False, Verdict.ASK),
        (EXPIRED | FAILED, False, Verdict.LATER),
        (EXPIRED | {"refresh": None}, False, Verdict.NEVER),
        # Shopify did not say when it ends.
        ({"expires_at": None}, False, Verdict.SERVE),
        (DUE | {"expires_at": None}, False, Verdict.ASK),
        (LASTING, False, Verdict.SERVE),
        # After a 401 to the stored token.
        ({}, True, Verdict.ASK),
        (LEASED, True, Verdict.WAIT),
        (FAILED, True, Verdict.LATER),
        (LASTING, True, Verdict.NEVER),
        # Shopify refuses our tokens: asked again now and then.
        (REFUSED, False, Verdict.ASK),
        (REFUSED | FAILED, False, Verdict.NEVER),
        (REFUSED | LASTING, False, Verdict.NEVER),
        ({"status": Status.UNINSTALLED}, False, Verdict.NEVER),
        ({"access": None}, False, Verdict.NEVER),
    ],
)
def test_verdict(fields: dict[str, Any], refused: bool, verdict: Verdict) -> None:
    assert judge(row(**fields), NOW, refused=refused) is verdict
