"""The courier over real HTTP, against a small server that obeys the contract and can misbehave."""

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from avnu.clock import SystemClock
from avnu.sandbox import (
    ALL_MISCHIEF,
    Courier,
    Delivery,
    DeliveryKind,
    Family,
    Habits,
    Mischief,
    Reckoning,
    plan,
    sign,
)
from avnu.sandbox.connection import Terms
from avnu.sandbox.delivery import Signature
from avnu.sandbox.encoding import triggered_at
from avnu.sandbox.mischief import OVERSIZE_BYTES
from avnu.sandbox.store import FIRST_DAY
from tests.support.stub_receiver import SECRET, StubHandler, StubReceiver, serving

SHOP = "one-shop.myshopify.com"
BODY = b'{"id":820982911946154508,"note":"a body that is long enough to be guarded"}'
PATIENT_S = 20.0
# Where nothing is meant to be slow, and a busy machine may be.
PATIENT = Terms(connect_s=PATIENT_S, answer_s=PATIENT_S)


@pytest.fixture
def stub() -> Iterator[StubReceiver]:
    with serving() as server:
        yield server


def delivery(number: int = 0, **fields: Any) -> Delivery:
    told = {"shop": SHOP, "webhook_id": f"id-{number}", "topic": "orders/create", "body": BODY}
    return Delivery(number=number, **{**told, **fields})


def courier(stub: StubReceiver, **habits: Any) -> Courier:
    told = {"compression": 1e6, "concurrency": 8, "terms": PATIENT, **habits}
    return Courier(stub.url, SECRET, SystemClock(), Habits(**told))


def test_a_day_with_all_mischief_adds_up(stub: StubReceiver) -> None:
    deliveries = plan(3, 15, 1500, ALL_MISCHIEF)
    reckoning = Reckoning(courier(stub).deliver(deliveries))
    assert not reckoning.faults
    assert not reckoning.disagreements(stub.rules.counted)
    assert reckoning.expected().doubtful == 0
    assert reckoning.expected().unexpected == 0
    assert reckoning.kept() | reckoning.suspected() == set(stub.rules.kept)
    assert reckoning.suspected() == stub.rules.dead
    assert reckoning.suspected()
    assert not reckoning.not_kept() & set(stub.rules.kept)
    kinds = {d.kind for d in deliveries}
    assert kinds == set(DeliveryKind)


def test_a_day_survives_a_bad_server(stub: StubReceiver) -> None:
    """Every third request is answered 503 or not at all, sometimes after it was kept."""
    seen = Counter[str]()

    def misbehave(handler: StubHandler, headers: dict[str, str], body: bytes) -> bool:
        webhook_id = headers["X-Shopify-Webhook-Id"]
        seen[webhook_id] += 1
        if hash_of(webhook_id) % 3 or seen[webhook_id] > 2:
            return False
        if hash_of(webhook_id) % 2:
            stub.rules.count("unavailable")
            handler.answer(503)
        else:
            stub.rules.judge(headers, body)
            handler.close_connection = True
        return True

    stub.misbehave = misbehave
    mischief = Mischief(duplicates=0.1, simultaneous=0.05, shuffled=0.2, late=0.02)
    ledger = courier(stub).deliver(plan(4, 15, 400, mischief))
    reckoning = Reckoning(ledger)
    assert not ledger.given_up()
    assert ledger.by_status()["reset"] > 20
    assert ledger.by_status()["503"] > 20
    assert reckoning.kept() == set(stub.rules.kept)
    assert not reckoning.disagreements(stub.rules.counted)
    # The doubt is real: what was kept without an answer came again as a duplicate.
    assert stub.rules.counted["duplicate"] > reckoning.expected().duplicate


def hash_of(webhook_id: str) -> int:
    return int(webhook_id[:8], 16)


def test_retries_carry_the_same_bytes_on_a_growing_schedule(stub: StubReceiver) -> None:
    waited: list[float] = []

    async def pause(seconds: float) -> None:
        waited.append(seconds)

    stub.misbehave = lambda handler, *_: handler.answer(500) or True
    habits = Habits(compression=3600)
    ledger = Courier(stub.url, SECRET, SystemClock(), habits, pause).deliver([delivery()])
    assert len(stub.requests) == 9
    assert len({body for _, body in stub.requests}) == 1
    assert len({tuple(sorted(headers.items())) for headers, _ in stub.requests}) == 1
    assert waited == pytest.approx([4 * 2**n / 255 for n in range(8)])
    assert sum(waited) * 3600 == pytest.approx(4 * 3600)
    assert len(ledger.given_up()) == 1
    assert ledger.by_status() == {"500": 9}


@pytest.mark.parametrize("status", [301, 400, 401, 404, 500, 503])
def test_anything_but_2xx_is_repeated_until_it_is(stub: StubReceiver, status: int) -> None:
    stub.misbehave = lambda handler, *_: len(stub.requests) < 3 and (handler.answer(status) or True)
    ledger = courier(stub).deliver([delivery()])
    assert ledger.by_status() == {"200": 1, str(status): 2}
    assert not ledger.given_up()


@pytest.mark.parametrize(
    "kind", [DeliveryKind.FORGED, DeliveryKind.WRONG_SECRET, DeliveryKind.REPLAYED_NAMED]
)
def test_attackers_try_once(stub: StubReceiver, kind: DeliveryKind) -> None:
    forged = delivery(kind=kind, signature=Signature.RANDOM)
    assert courier(stub).deliver([forged]).by_status() == {"401": 1}


def test_an_answer_too_late_is_none(stub: StubReceiver) -> None:
    def hang(*_: object) -> bool:
        return len(stub.requests) == 1 and stub.released.wait(PATIENT_S)

    stub.misbehave = hang
    ledger = courier(stub, terms=Terms(answer_s=0.2)).deliver([delivery()])
    # Another one may be late as well, where the machine is busy.
    assert ledger.by_status().keys() == {"200", "timeout"}
    assert ledger.by_status()["200"] == 1


def test_a_server_that_accepts_nobody() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        # Two connections fill the backlog; the next gets no answer to its SYN.
        fillers = [socket.create_connection(listener.getsockname()) for _ in range(2)]
        habits = Habits(retries=0, concurrency=1, terms=Terms(connect_s=0.2))
        ledger = Courier(url, SECRET, SystemClock(), habits).deliver([delivery()])
        for filler in fillers:
            filler.close()
    assert ledger.by_status() == {"connect timeout": 1}
    assert not ledger.reached()


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    habits = Habits(compression=1e6)
    ledger = Courier(url, SECRET, SystemClock(), habits).deliver([delivery()])
    assert ledger.by_status() == {"refused": 9}
    assert Reckoning(ledger).expected().unreached == 9


def test_not_http(stub: StubReceiver) -> None:
    stub.misbehave = lambda handler, *_: handler.wfile.write(b"SSH-2.0-nope\r\n\r\n") or True
    assert courier(stub, retries=0).deliver([delivery()]).by_status() == {"not http": 1}


def test_an_answer_that_ends_with_its_connection(stub: StubReceiver) -> None:
    def old_style(handler: StubHandler, *_: object) -> bool:
        handler.wfile.write(b"HTTP/1.0 200 OK\r\n\r\nfine")
        handler.close_connection = True
        return True

    stub.misbehave = old_style
    assert courier(stub).deliver([delivery(n) for n in range(3)]).by_status() == {"200": 3}


def test_connections_are_kept_alive(stub: StubReceiver) -> None:
    ledger = courier(stub, concurrency=4).deliver([delivery(n) for n in range(200)])
    assert ledger.by_status() == {"200": 200}
    assert stub.connections <= 4


def test_a_simultaneous_pair_is_there_at_the_same_time(stub: StubReceiver) -> None:
    both = threading.Barrier(2, timeout=PATIENT_S)

    def meet(*_: object) -> bool:
        both.wait()
        return False

    stub.misbehave = meet
    ledger = courier(stub, concurrency=1).deliver([delivery(kind=DeliveryKind.AT_ONCE)])
    assert ledger.by_status() == {"200": 2}
    assert stub.rules.counted == {"accepted": 1, "duplicate": 1}


def test_a_replay_waits_for_what_it_replays(stub: StubReceiver) -> None:
    stub.misbehave = lambda handler, *_: len(stub.requests) < 4 and (handler.answer(503) or True)
    replay = delivery(1, kind=DeliveryKind.REPLAYED_SHOP, shop="two.myshopify.com", after=0)
    follower = delivery(2, kind=DeliveryKind.REPLAYED_ID, after=1)
    courier(stub).deliver([follower, replay, delivery(0)])
    assert stub.ids() == ["id-0", "id-0", "id-0", "id-0", "id-1", "id-2"]


def test_a_replay_of_what_was_never_taken_is_withheld(stub: StubReceiver) -> None:
    stub.misbehave = lambda handler, *_: handler.answer(503) or True
    replays = [delivery(n, kind=DeliveryKind.REPLAYED_ID, after=n - 1) for n in (1, 2)]
    ledger = courier(stub).deliver([delivery(0), *replays, delivery(9, after=77)])
    assert set(stub.ids()) == {"id-0"}
    assert [entry.withheld for entry in ledger.entries.values()] == [False, True, True, True]


def test_an_oversized_body_is_cut_short_by_its_answer(stub: StubReceiver) -> None:
    oversized = delivery(kind=DeliveryKind.OVERSIZED, filler_bytes=OVERSIZE_BYTES)
    ledger = courier(stub).deliver([oversized, delivery(1)])
    assert ledger.by_status() == {"200": 1, "413": 1}


def test_a_large_body_is_sent_whole_and_rightly_signed(stub: StubReceiver) -> None:
    size = 3_000_000
    ledger = courier(stub).deliver([delivery(filler_bytes=size)])
    assert ledger.by_status() == {"200": 1}
    assert len(stub.requests[0][1]) == len(BODY) + size


@pytest.mark.parametrize("family", list(Family))
def test_header_families(stub: StubReceiver, family: Family) -> None:
    stub.misbehave = lambda handler, *_: handler.answer(200) or True
    courier(stub, family=family, concurrency=1).deliver([delivery(n) for n in range(3)])
    for turn, (headers, body) in enumerate(stub.requests):
        meant = list(Family)[turn] if family is Family.MIXED else family
        prefixes = {
            Family.CLASSIC: ["X-Shopify"], Family.EVENTS: ["shopify"],
            Family.BOTH: ["X-Shopify", "shopify"],
        }[meant]  # fmt: skip
        present = {name.rpartition("-Webhook-Id")[0] for name in headers if "Webhook-Id" in name}
        assert present == set(prefixes)
        for prefix in prefixes:
            assert headers[f"{prefix}-Topic"] == "orders/create"
            assert headers[f"{prefix}-Shop-Domain"] == SHOP
            assert headers[f"{prefix}-API-Version"] == "2026-07"
            assert headers[f"{prefix}-Hmac-Sha256"] == sign(SECRET, body)
        assert ("X-Shopify-Event-Id" in headers) == (meant is not Family.EVENTS)


def test_signatures_as_they_leave(stub: StubReceiver) -> None:
    stub.misbehave = lambda handler, *_: handler.answer(401) or True
    forged = [delivery(n, kind=DeliveryKind.FORGED, signature=s) for n, s in enumerate(Signature)]
    courier(stub, concurrency=1).deliver(forged)
    sent = {
        signature: headers.get("X-Shopify-Hmac-Sha256")
        for signature, (headers, _) in zip(Signature, stub.requests, strict=True)
    }
    right = sent[Signature.RIGHT]
    assert right == sign(SECRET, BODY)
    assert sent[Signature.MISSING] is None
    assert sent[Signature.EMPTY] == ""
    assert sent[Signature.FOREIGN] == "\xe9" * 44
    assert len(sent[Signature.HUGE] or "") == 6000
    assert list(sent.values()).count(right) == 1


NOW = FIRST_DAY + 500_000


class Ticking(SystemClock):
    """Ten seconds later each time that it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def time(self) -> float:
        self.asked += 1
        return NOW + 10 * self.asked


def moments(stub: StubReceiver, deliveries: list[Delivery], **habits: Any) -> list[str]:
    """What the headers of all attempts say, in their order."""
    told = Habits(compression=1e6, concurrency=1, **habits)
    Courier(stub.url, SECRET, Ticking(), told).deliver(deliveries)
    return [headers["X-Shopify-Triggered-At"] for headers, _ in stub.requests]


def test_a_webhook_says_when_it_was_sent_first(stub: StubReceiver) -> None:
    """The played day is long ago; a copy, and a repetition, say what the first attempt said."""
    stub.misbehave = lambda handler, *_: len(stub.requests) == 1 and (handler.answer(503) or True)
    again = delivery(1, webhook_id="id-0", kind=DeliveryKind.DUPLICATE, after=0)
    said = moments(stub, [delivery(0), again, delivery(2)])
    assert sorted(stub.ids()) == ["id-0", "id-0", "id-0", "id-2"]
    for own_id, moment in zip(stub.ids(), said, strict=True):
        assert moment == triggered_at(NOW + (10 if own_id == "id-0" else 20))


def test_only_a_late_one_looks_old(stub: StubReceiver) -> None:
    assert moments(stub, [delivery(0), delivery(1, late_s=7200.0)]) == [
        triggered_at(NOW + 10), triggered_at(NOW + 20 - 7200),
    ]  # fmt: skip


def test_the_moments_of_the_played_day(stub: StubReceiver) -> None:
    planned = [delivery(n, triggered_at=triggered_at(FIRST_DAY + n)) for n in range(2)]
    assert moments(stub, planned, planned_moments=True) == [one.triggered_at for one in planned]


def test_progress_counts_to_the_end(stub: StubReceiver) -> None:
    told: list[tuple[int, int]] = []
    courier(stub).deliver([delivery(n) for n in range(20)], lambda *pair: told.append(pair))
    assert told == [(n, 20) for n in range(1, 21)]


def test_what_progress_raises_ends_the_round(stub: StubReceiver) -> None:
    def stop(over: int, total: int) -> None:
        if over == 5:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        courier(stub, concurrency=2).deliver([delivery(n) for n in range(500)], stop)
    assert len(stub.requests) < 20


def test_a_pace_is_kept(stub: StubReceiver) -> None:
    waited: list[float] = []

    async def pause(seconds: float) -> None:
        waited.append(seconds)

    class Stopped(SystemClock):
        def monotonic(self) -> float:
            return 100.0

    habits = Habits(per_second=10, concurrency=1)
    Courier(stub.url, SECRET, Stopped(), habits, pause).deliver([delivery(n) for n in range(4)])
    assert waited == pytest.approx([0.1, 0.2, 0.3])


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://127.0.0.1/", "http://", "http:///x"])
def test_an_address_that_cannot_be_used(url: str) -> None:
    with pytest.raises(ValueError, match="is not an http:// or https:// address"):
        Courier(url, SECRET, SystemClock())


def test_https_never_falls_back(stub: StubReceiver) -> None:
    """The stub speaks no TLS, so there is no connection, and nothing is sent in the clear."""
    url = stub.url.replace("http:", "https:")
    ledger = Courier(url, SECRET, SystemClock(), Habits(retries=0)).deliver([delivery()])
    assert not ledger.reached()
    assert not stub.requests
    assert ledger.by_status() == {"no tls": 1}
