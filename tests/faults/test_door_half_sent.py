"""500 half-sent requests are held open: the production door answers others as if nothing were."""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from avnu.settings import Settings
from tests.conftest import API_SECRET
from tests.support.doors import ASGI, Door, rendered, signed
from tests.support.servers import Server
from tests.support.waiting import wait_until

pytestmark = pytest.mark.alone

HELD = 500
ANSWER_WITHIN_S = 0.05
# A machine that is busy elsewhere answers no sooner when nothing is held.
TIMES_UNHELD = 3
ASKED = 100
# A busy machine may stop the asker itself for a moment.
LATE = 5


@pytest.fixture
def door(server: Server, flush: None, tmp_path: Path) -> Iterator[Door]:
    # Long enough that all are still held while the others ask.
    limits = {"WEBHOOK_BODY_SECONDS": "3"}
    settings = Settings.load({**server.environ(), **limits, "SHOPIFY_API_SECRET": API_SECRET})
    with Door(ASGI, tmp_path, settings).start() as running:
        yield running


@pytest.mark.parametrize("half", ["headers", "body", "unsigned body"])
def test_others_are_answered_in_50_ms(door: Door, half: str) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 2 * HELD:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4 * HELD), hard))
    headers = [] if half == "unsigned body" else list(signed(door.secret, b"{}").items())
    unheld = slowest(door, "unheld")
    request = rendered(b"{", [*headers, ("Content-Length", "5000")])
    held = [door.connect() for _ in range(HELD)]
    try:
        for opened in held:
            opened.sendall(request[:60] if half == "headers" else request)
        beside = slowest(door, "beside")
        assert beside[LATE] < max(ANSWER_WITHIN_S, TIMES_UNHELD * unheld[LATE]), (beside, unheld)
        if half == "body":
            for opened in held:
                opened.settimeout(8)
                assert opened.recv(100).startswith(b"HTTP/1.1 408")
    finally:
        for opened in held:
            opened.close()
    wait_until(lambda: door.post().status == 200, 5, "the door is as it was")


def slowest(door: Door, name: str) -> list[float]:
    """How long the slowest of ASKED deliveries took, slowest first; all of them are taken."""
    answers = [door.post(b'{"%s": %d}' % (name.encode(), n)) for n in range(ASKED)]
    assert {answer.status for answer in answers} == {200}
    return sorted((answer.took_s for answer in answers), reverse=True)[: LATE + 1]
