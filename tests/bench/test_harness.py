"""The benchmark's own instruments: a wrong ruler would show nothing."""

import base64
import hashlib
import hmac
import json
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from zlib import crc32

import pytest

from tests.bench import load, weights
from tests.bench.bodies import Body, of_other_areas, product
from tests.bench.deliveries import SECRET, only, render, requests, spread_over
from tests.bench.errors import BenchError
from tests.bench.fairness import one_shop_per_partition
from tests.bench.processes import Program, cpu_seconds
from tests.bench.report import Target, median_ratio
from tests.support.waiting import wait_until


def test_each_delivery_is_signed_and_like_no_other() -> None:
    deliveries = [*render(50, spread_over(7), "one"), *render(50, spread_over(7), "two")]
    bodies = set()
    for delivery in deliveries:
        head, _, body = delivery.request.partition(b"\r\n\r\n")
        mac = base64.b64encode(hmac.digest(SECRET.encode(), body, hashlib.sha256))
        assert b"\r\nX-Shopify-Hmac-Sha256: " + mac + b"\r\n" in head
        assert b"\r\nContent-Length: %d" % len(body) in head
        assert 2700 < len(body) < 2900
        bodies.add((json.loads(body)["id"], body))
    assert len(bodies) == 100
    assert len({delivery.webhook_id for delivery in deliveries}) == 100
    assert len({delivery.shop for delivery in deliveries}) == 7


def test_the_same_seed_gives_the_same_webhooks() -> None:
    first, second = ([one.webhook_id for one in render(5, only("a"), "seed")] for _ in range(2))
    assert first == second


@pytest.mark.parametrize("body", [product(), *of_other_areas()], ids=lambda body: body.topic)
def test_bodies_differ_by_number_and_name_their_shop(body: Body) -> None:
    one = body.render("a.myshopify.com", 1_000_000_000_001)
    other = body.render("a.myshopify.com", 1_000_000_000_002)
    assert one != other
    assert b"placeholder" not in one
    assert b"8888888888888" not in one


@pytest.mark.parametrize("size", weights.SIZES)
def test_a_padded_body_has_its_size_and_can_be_read(size: int) -> None:
    body = weights.padded(weights.lighter_than(size), size)
    assert weights.length(body) == size
    assert json.loads(body.render("a.myshopify.com", 1_000_000_000_001))["padding"]


def test_one_newcomer_stands_in_each_partition() -> None:
    assert sorted(crc32(shop.encode()) % 16 for shop in one_shop_per_partition()) == [*range(16)]


def serve(answer: Callable[[socket.socket, int], None]) -> int:
    """A server that reads whole requests and lets `answer` reply to the n-th; its port."""
    listening = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        client, _ = listening.accept()
        with listening, client:
            n = 0
            while client.recv(65536):
                answer(client, n)
                n += 1

    threading.Thread(target=run, daemon=True).start()
    port: int = listening.getsockname()[1]
    return port


def test_an_answer_in_pieces_counts_once_and_by_its_status() -> None:
    def answer(client: socket.socket, n: int) -> None:
        status = b"503 Busy" if n == 2 else b"200 OK"
        for piece in (b"HTTP/1.1 " + status + b"\r\nContent-", b"Length: 4\r\n\r\nbo", b"dy"):
            client.sendall(piece)

    result = load.deliver(serve(answer), requests(5, 1, "pieces"), connections=1)
    assert result.statuses == {200: 4, 503: 1}
    assert result.answered == 5
    assert 0 < result.latency_ms(0.5) <= result.latency_ms(0.99) <= result.elapsed_s * 1000


def test_a_closed_connection_ends_the_measurement() -> None:
    port = serve(lambda client, _: client.shutdown(socket.SHUT_RDWR))
    with pytest.raises(BenchError, match="closed"):
        load.deliver(port, requests(2, 1, "closed"), connections=1)


def test_cpu_time_includes_children() -> None:
    burn = "import time\nwhile time.process_time() < 0.3: pass\ntime.sleep(60)"
    parent = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    with Program("burning", [sys.executable, "-c", parent, burn]) as program:
        wait_until(lambda: cpu_seconds(program.pid) >= 0.3, 20, "the child's CPU time is seen")


@dataclass(frozen=True)
class Measured:
    speed: float


def test_ratios_are_taken_within_a_round() -> None:
    ours, theirs = (
        [Measured(20), Measured(10), Measured(9)],
        [Measured(10), Measured(5), Measured(9)],
    )
    assert median_ratio(ours, theirs, "speed") == 2


def test_a_target_is_kept_at_its_limit() -> None:
    assert Target("least", 1.5, 1.5, at_least=True).kept
    assert not Target("least", 1.4, 1.5, at_least=True).kept
    assert Target("most", 300.0, 300.0, at_least=False).kept
    assert not Target("most", 300.1, 300.0, at_least=False).kept
