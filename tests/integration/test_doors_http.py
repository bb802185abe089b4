"""HTTP as strangers speak it: fuzzed, malformed, half-sent, dripping, endless; on both doors."""

import socket
import threading
import time
from contextlib import ExitStack, closing, suppress

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from avnu.inbox import Inbox
from avnu.inbox.audit import audit
from tests.support.door_fixtures import BODY_S, counted, door, door_settings, inbox
from tests.support.doors import ASGI, WSGI, Answer, Door, answer_on, rendered, signed
from tests.support.waiting import wait_until

__all__ = ["door", "door_settings", "inbox"]

BODY = b'{"id": 1, "note": "short"}'
# What a body may take; a busy machine adds to it, but not as much as the 5 s of the default.
CUT_S = float(BODY_S)
BEFORE_S = 4.8

# Anything a header line may hold; servers refuse control characters themselves.
values = st.binary(max_size=60).map(
    lambda raw: bytes(byte for byte in raw if byte >= 0x20 and byte != 0x7F).strip()
)
names = st.sampled_from(
    [b"X-Shopify-Topic", b"Shopify-Topic", b"X-Shopify-Shop-Domain", b"Shopify-Shop-Domain",
     b"X-Shopify-Webhook-Id", b"X-Shopify-Triggered-At", b"X-Shopify-Name", b"X-Shopify-Event-Id",
     b"Content-Type", b"Content-Encoding", b"Expect", b"Cookie", b"Range",
     b"X-HTTP-Method-Override"]
)  # fmt: skip
hmacs = st.sampled_from([b"X-Shopify-Hmac-Sha256", b"Shopify-Hmac-Sha256"])
# Servers refuse some repeated headers themselves.
odd = st.lists(st.tuples(names, values), max_size=6, unique_by=lambda pair: pair[0])
few = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@few
@given(pairs=odd, signed_by=st.lists(st.tuples(hmacs, values), max_size=2), body=st.binary())
def test_fuzz_without_a_good_signature_is_401(
    door: Door,
    pairs: list[tuple[bytes, bytes]],
    signed_by: list[tuple[bytes, bytes]],
    body: bytes,
) -> None:
    quiet = [pair for pair in pairs if pair[0] != b"Expect"]  # a server's own affair: 417
    answer = door.post(body, [*quiet, *signed_by])
    assert (answer.status, answer.body) == (401, b"")


@few
@given(pairs=odd, body=st.binary(max_size=300))
def test_fuzz_with_a_good_signature_is_200_or_400(
    door: Door, pairs: list[tuple[bytes, bytes]], body: bytes
) -> None:
    quiet = [pair for pair in pairs if pair[0] != b"Expect"]
    answer = door.post(body, [*signed(door.secret, body).items(), *quiet])
    assert answer.status in {200, 400}
    assert answer.body.startswith(b'{"error":') is (answer.status == 400)


def test_malformed_requests_are_refused_and_the_door_stays_up(door: Door, inbox: Inbox) -> None:
    good = list(signed(door.secret, BODY).items())
    chunked = [*good, ("Transfer-Encoding", "chunked")]
    for request in (
        b"\x00\x01\x02\r\n\r\n",
        b"POST\r\n\r\n",
        b"POST /webhooks/shopify HTTP/9.9\r\n\r\n",
        rendered(b"zz\r\nnot a length\r\n0\r\n\r\n", chunked),
        rendered(b"-5\r\nxxxxx\r\n0\r\n\r\n", chunked),
        rendered(b"ffffffffffffffffff\r\n", chunked),
        rendered(BODY, [*good, ("Content-Length", "-1")]),
        rendered(BODY, [*good, ("Content-Length", "abc")]),
        rendered(BODY, [*good, ("Content-Length", "5"), ("Content-Length", "6")]),
    ):
        answer = door.say(request, within_s=8)
        assert answer.status == 0 or 400 <= answer.status < 500, (request[:80], answer)
    assert door.post(BODY).status == 200
    assert counted(door, inbox, "accepted") == 1


def test_huge_headers_are_never_500(door: Door) -> None:
    for size in (10_000, 60_000, 1_000_000):
        answer = door.post(BODY, [("X-Shopify-Hmac-Sha256", "A" * size)])
        # gunicorn stops reading at 8 kB and answers itself, before there is a request.
        assert answer.status == 401 if door.kind == ASGI else answer.status in {0, 400, 401, 431}


def test_a_body_in_chunks_and_in_drips_is_one_body(door: Door, inbox: Inbox) -> None:
    headers = [*signed(door.secret, BODY).items(), ("Transfer-Encoding", "chunked")]
    body = b"".join(b"1\r\n%c\r\n" % byte for byte in BODY) + b"0\r\n\r\n"
    with closing(door.connect()) as opened:
        for byte in rendered(body, headers):
            opened.sendall(bytes([byte]))
        assert answer_on(opened, time.monotonic()).status == 200
    assert counted(door, inbox, "accepted") == 1


def test_a_connection_is_kept_for_the_next_delivery(door: Door) -> None:
    with closing(door.connect()) as opened:
        for n in range(5):
            headers = signed(door.secret, BODY, webhook_id=f"kept-{n}")
            pairs = [*headers.items(), ("Content-Length", str(len(BODY)))]
            opened.sendall(rendered(BODY, pairs))
            assert answer_on(opened, time.monotonic()).status == 200


def test_two_deliveries_in_one_packet_are_two_answers(door: Door, inbox: Inbox) -> None:
    requests = [
        rendered(BODY, [*signed(door.secret, BODY, webhook_id=f"piped-{n}").items(),
                        ("Content-Length", str(len(BODY)))])
        for n in range(2)
    ]  # fmt: skip
    with closing(door.connect()) as opened:
        opened.sendall(b"".join(requests))
        opened.settimeout(20)
        data = b""
        while data.count(b"HTTP/1.1 200") < 2:
            part = opened.recv(65536)
            assert part, data
            data += part
    assert counted(door, inbox, "accepted") == 2


def test_a_half_sent_body_is_cut_after_its_time(door: Door, inbox: Inbox) -> None:
    headers = [*signed(door.secret, BODY).items(), ("Content-Length", "50000")]
    answer = door.say(rendered(BODY, headers))
    assert answer.status == 408
    assert CUT_S - 0.1 <= answer.took_s < BEFORE_S
    assert door.kind == WSGI or answer.headers["connection"] == "close"  # gunicorn writes its own
    assert counted(door, inbox, "rejected") == 1


def test_a_dripping_body_is_cut_too(door: Door) -> None:
    headers = [*signed(door.secret, BODY).items(), ("Content-Length", "50000")]
    began_s = time.monotonic()
    with closing(door.connect()) as opened:
        opened.sendall(rendered(b"", headers))
        ended = threading.Event()
        threading.Thread(target=drip, args=(opened, ended, b"x"), daemon=True).start()
        answer = answer_on(opened, began_s)
        ended.set()
    # Cut with bytes on their way: the answer may be overtaken by the end of the connection.
    assert answer.status in {0, 408}
    assert CUT_S - 0.1 <= answer.took_s < BEFORE_S


def test_an_endless_body_is_413_and_cut(door: Door, inbox: Inbox) -> None:
    headers = [*signed(door.secret, BODY).items(), ("Transfer-Encoding", "chunked")]
    piece = b"2000\r\n" + b"x" * 0x2000 + b"\r\n"
    began_s = time.monotonic()
    with closing(door.connect()) as opened:
        opened.sendall(rendered(b"", headers))
        ended = threading.Event()
        threading.Thread(target=drip, args=(opened, ended, piece, 0.01), daemon=True).start()
        answer = answer_on(opened, began_s)
        assert answer.status in {0, 413}
        assert answer.took_s < BEFORE_S
        wait_until(lambda: is_closed(opened), 20, "the door hangs up")
        ended.set()
    assert counted(door, inbox, "rejected") == 1
    assert door.post(BODY).status == 200


def test_a_sender_that_leaves_in_the_middle_is_counted(door: Door, inbox: Inbox) -> None:
    headers = [*signed(door.secret, BODY).items(), ("Content-Length", "50000")]
    with closing(door.connect()) as opened:
        opened.sendall(rendered(BODY, headers))
    wait_until(lambda: counted(door, inbox, "rejected") == 1, 20, "the broken one is counted")
    assert counted(door, inbox, "accepted") == 0
    assert audit(inbox).ok


def test_room_is_given_back_whatever_becomes_of_a_body(door: Door) -> None:
    """Three times as many bytes as there is room for, one after the other."""
    body = b"x" * 90_000
    for n in range(12):
        assert (
            door.post(body, signed(door.secret, body, webhook_id=f"room-{n}").items()).status == 200
        )
        assert door.post(body, signed("another", body).items()).status == 401
        assert door.post(body, signed(door.secret, body, topic=None).items()).status == 400


def test_an_early_answer_reaches_who_is_still_sending(door: Door) -> None:
    """Most clients read only after their last byte, and give up when they cannot send it."""
    body = b"x" * 6_000_000
    for status, headers in ((401, {}), (413, signed(door.secret, body))):
        pairs = [*headers.items(), ("Content-Length", str(len(body)))]
        with closing(door.connect()) as opened:
            # gunicorn closes in the middle, as a server without a say in that does.
            with suppress(*([] if door.kind == ASGI else [OSError])):
                opened.sendall(rendered(body, pairs))
            assert answer_on(opened, time.monotonic()).status == status


def test_bodies_beyond_the_room_in_flight_are_503(door: Door, inbox: Inbox) -> None:
    """Eleven half-sent bodies of 95 kB do not fit into 1 MiB, and what fits no more is told so."""
    if door.kind != ASGI:
        return  # eleven half-sent bodies stop eight threads, which is why there are two doors
    headers = [*signed(door.secret, BODY).items(), ("Content-Length", "99999")]

    def answer() -> Answer | None:
        # All at once within what a body may take, or the first are cut before the last are there.
        with ExitStack() as held:
            for _ in range(11):
                opened = held.enter_context(closing(door.connect()))
                opened.sendall(rendered(b"x" * 95_000, headers))
            until_s = time.monotonic() + CUT_S
            while time.monotonic() < until_s:
                found = door.post(b"x" * 90_000)
                if found.status == 503:
                    return found
        return None

    refused = wait_until(answer, 30, "there is no room")
    assert refused is not None
    assert refused.headers["retry-after"]
    wait_until(lambda: door.post(b"x" * 90_000).status == 200, 20, "there is room again")
    assert counted(door, inbox, "unavailable") >= 1


def drip(opened: socket.socket, ended: threading.Event, piece: bytes, every_s: float = 0.1) -> None:
    try:
        while not ended.wait(every_s):
            opened.sendall(piece)
    except OSError:
        return


def is_closed(opened: socket.socket) -> bool:
    opened.settimeout(0.01)
    try:
        return opened.recv(65536) == b""
    except TimeoutError:
        return False
    except OSError:
        return True
