"""The sandbox against the real receiver and a real inbox: both sides of the books agree."""

import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import pytest

from avnu.clock import SystemClock
from avnu.keys import Keys, ref, split_ref
from avnu.sandbox import ALL_MISCHIEF, Courier, DeliveryKind, Family, Habits, Reckoning, plan
from avnu.sandbox.connection import Terms
from avnu.settings import Settings
from tests.support.servers import Server
from tests.support.waiting import wait_until

# A delivery that a busy machine answers late would be in doubt, and nothing here is meant to be.
PATIENT_S = 20
PATIENT = {
    "WEBHOOK_INBOX_SECONDS": str(PATIENT_S),
    "REDIS_SOCKET_TIMEOUT_MS": str(1000 * PATIENT_S),
}


@pytest.fixture
def url(settings: Settings) -> Iterator[str]:
    """The ASGI door under uvicorn, on a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "webhooks.asgi:app", "--port", str(port)]
    environ = {**os.environ, **settings.to_environ(), **PATIENT}
    with subprocess.Popen([*command, "--log-level", "warning"], env=environ) as receiver:
        try:
            wait_until(lambda: listens(port), 20, "the receiver listens")
            yield f"http://127.0.0.1:{port}/webhooks/shopify"
        finally:
            receiver.terminate()


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def counted(server: Server, settings: Settings) -> Counter[str]:
    """The inbox's counters by outcome, areas added up."""
    totals = Counter[str]()
    with server.client(settings.redis_webhook_db) as client:
        for name, count in client.hgetall(Keys(settings.avnu_namespace).of("counts")).items():
            totals[name.decode().partition(":")[0]] += int(count)
    return totals


def test_both_sides_agree(url: str, server: Server, settings: Settings) -> None:
    deliveries = plan(seed=21, shops=20, deliveries=1500, mischief=ALL_MISCHIEF)
    assert {d.kind for d in deliveries} == set(DeliveryKind)
    secret = settings.shopify_api_secret.reveal()
    terms = Terms(connect_s=PATIENT_S, answer_s=PATIENT_S)
    habits = Habits(family=Family.MIXED, terms=terms)
    ledger = Courier(url, secret, SystemClock(), habits).deliver(deliveries)
    reckoning = Reckoning(ledger)
    assert not reckoning.faults
    assert reckoning.expected().doubtful == 0
    # Doors flush what no script counts once a second.
    wait_until(
        lambda: not reckoning.disagreements(counted(server, settings)),
        10,
        "the receiver's counters agree with the ledger",
    )
    keys = Keys(settings.avnu_namespace)
    with server.client(settings.redis_webhook_db) as client:
        dead = {split_ref(name.decode()) for name in client.zrange(keys.of("dead"), 0, -1)}
        kept = {pair for pair in known(reckoning) if client.exists(keys.of("record", ref(*pair)))}
    assert dead == reckoning.suspected()
    assert kept == reckoning.kept() | reckoning.suspected()


def known(reckoning: Reckoning) -> set[tuple[str, str]]:
    """Every webhook that either must or must not be in the inbox."""
    return {*reckoning.kept(), *reckoning.suspected(), *reckoning.not_kept()}
