"""What operators and their tools ask: alive, ready, metrics; and who may ask."""

from pathlib import Path

import pytest

from avnu.inbox import Inbox
from avnu.secret import Secret
from avnu.settings import Settings
from tests.support.door_fixtures import door, door_settings, inbox
from tests.support.doors import ASGI, Door
from tests.support.waiting import wait_until
from webhooks.health import may_see

__all__ = ["door", "door_settings", "inbox"]

TOKEN = {"Authorization": "Bearer made-up-token"}


def test_alive_and_ready(door: Door, inbox: Inbox) -> None:
    assert (door.get("/healthz").status, door.get("/healthz").body) == (200, b"ok\n")
    assert door.get("/readyz").status == 200
    assert not inbox.client.exists(inbox.keys.of("probe"))


def test_metrics_tell_what_this_door_has_just_counted(door: Door, inbox: Inbox) -> None:
    door.post(b"{}")
    door.post(b"{}", [])
    answer = door.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    lines = answer.body.decode().splitlines()
    assert 'avnu_webhooks_received_total{outcome="accepted"} 1.0' in lines
    assert 'avnu_webhooks_received_total{outcome="rejected"} 1.0' in lines


def test_what_a_door_counts_reaches_the_inbox_unasked(door: Door, inbox: Inbox) -> None:
    door.post(b"{}", [])
    counts = inbox.keys.of("counts")
    wait_until(lambda: inbox.client.hget(counts, "rejected") == b"1", 20, "it is flushed")


def test_mounted_under_a_prefix(door_settings: Settings, tmp_path: Path) -> None:
    """uvicorn tells paths with the prefix, and so does a2wsgi what it hands on."""
    with Door(ASGI, tmp_path, door_settings, ["--root-path", "/app"]).start() as mounted:
        assert mounted.post(b"{}").status == 200
        assert mounted.post(b"{}", []).status == 401
        assert mounted.get("/webhooks/shopify").status == 405


@pytest.mark.parametrize("path", ["/metrics", "/readyz"])
@pytest.mark.parametrize("proxy", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_through_a_proxy_only_the_token_opens(door: Door, path: str, proxy: str) -> None:
    forwarded = {proxy: "for=203.0.113.9" if proxy == "Forwarded" else "203.0.113.9"}
    assert door.get(path, **forwarded).status == 403
    assert door.get(path, **forwarded, Authorization="Bearer wrong").status == 403
    assert door.get(path, **forwarded, **TOKEN).status == 200
    assert door.get("/healthz", **forwarded).status == 200


def test_other_paths_are_not_there(door: Door) -> None:
    assert [door.get(path).status for path in ("/", "/webhooks", "/admin", "/healthz/")] == [
        404
    ] * 4
    assert door.get("/healthz", "POST").status == 405


@pytest.mark.parametrize(
    ("address", "forwarded", "authorization", "token", "seen"),
    [
        ("127.0.0.1", False, "", "", True),
        ("127.8.9.1", False, "", "", True),
        ("::1", False, "", "", True),
        ("::ffff:127.0.0.1", False, "", "", True),
        ("127.0.0.1", True, "", "", False),
        ("10.0.0.1", False, "", "", False),
        ("10.0.0.1", False, "Bearer ", "", False),
        ("10.0.0.1", False, "Bearer t", "t", True),
        ("10.0.0.1", False, "Bearer \xe9", "t", False),
        ("10.0.0.1", False, "Bearer x", "t", False),
        ("::ffff:10.0.0.1", False, "", "t", False),
        (None, False, "", "", False),
        ("unix", False, "", "", False),
    ],
)
def test_who_may_see(
    address: str | None, forwarded: bool, authorization: str, token: str, seen: bool
) -> None:
    assert may_see(address, forwarded, authorization, Secret(token)) is seen
