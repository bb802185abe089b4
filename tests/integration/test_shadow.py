"""The runbook's shadow: nginx sends each delivery to Avnu as well, and the Node service answers."""

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import urllib3

from avnu.embedded import free_port
from avnu.inbox.audit import audit
from avnu.inbox.overview import overview
from avnu.inbox.queries import find_one
from avnu.settings import Settings
from tests.support.deliveries import SECRET, Maker, Post
from tests.support.inbox import open_inbox
from tests.support.nginx import Nginx
from tests.support.programs import ROOT, Receiver
from tests.support.stub_receiver import StubHandler, StubReceiver, serving
from tests.support.waiting import wait_until


@contextmanager
def shadowed(folder: Path, node: int, avnu: int) -> Iterator[str]:
    """deploy/nginx/avnu.conf with the page's block in place of its own; where nginx listens."""
    page = (ROOT / "deploy" / "README.md").read_text()
    [block] = re.findall(r"```nginx\n(.*?)```", page, re.DOTALL)
    # A copy that is late is given up, and this machine may be busy with other tests.
    block = re.sub(r"(proxy_\w+_timeout) \d+ms;", r"\1 60s;", block)
    nginx = Nginx(folder, [avnu])
    door = folder / "avnu.conf"
    text, n = re.subn(
        r"    location /webhooks/ {.*?\n    }\n", block, door.read_text(), flags=re.DOTALL
    )
    assert n == 1
    door.write_text(f"upstream node_service {{ server 127.0.0.1:{node}; }}\n{text}")
    with nginx:
        yield nginx.url


@pytest.fixture
def node() -> Iterator[StubReceiver]:
    with serving() as stub:
        stub.misbehave = refuse_gone
        yield stub


def refuse_gone(handler: StubHandler, *_: object) -> bool:
    """The Node service's own answer: 410, which nothing else here would give."""
    handler.answer(410)
    return True


def post(url: str, webhook_id: str, body: bytes) -> int:
    headers = {"X-Shopify-Webhook-Id": webhook_id, "X-Shopify-Topic": "products/update"}
    return urllib3.request("POST", f"{url}/webhooks/orders", body=body, headers=headers).status


def test_avnu_is_sent_the_same_and_the_node_service_answers(
    tmp_path: Path, node: StubReceiver
) -> None:
    large = b"x" * 3_000_000
    with serving() as avnu, shadowed(tmp_path, node.server_port, avnu.server_port) as url:
        assert post(url, "small", b'{"id": 1}') == 410
        assert post(url, "large", large) == 410
        wait_until(lambda: len(avnu.requests) == 2, 60, "the copies have come")
    assert {h["X-Shopify-Webhook-Id"]: b for h, b in avnu.requests} == {
        "small": b'{"id": 1}',
        "large": large,
    }
    assert avnu.ids() == node.ids()
    assert avnu.connections == 1, "on one that its receiver is about to close, a copy is lost"


def test_what_comes_again_after_the_cut_over_is_known_from_the_shadow(
    settings: Settings, tmp_path: Path, node: StubReceiver
) -> None:
    """The Node service took both; of one Shopify has not seen the answer, and the copy was lost."""
    inbox = open_inbox(settings)
    seen, lost = Maker(random.Random(1)).some(2)
    environ = {**settings.to_environ(), "SHOPIFY_API_SECRET": SECRET.decode()}
    with Receiver("avnu", tmp_path, environ) as avnu:
        with shadowed(tmp_path / "shadow", node.server_port, avnu.port) as url:
            assert Post(url).post(lost).status == 410  # Avnu is not up yet
            avnu.start()
            assert Post(url).post(seen).status == 410
            accepted = f"accepted:{seen.area}"
            wait_until(lambda: overview(inbox).counters.get(accepted) == 1, 60, "the copy")
        again = Post(avnu.url)
        assert again.send([seen, lost]) == [seen, lost]
        wait_until(lambda: overview(inbox).received["duplicate"] == 1, 60, "it is known")
    assert all(find_one(inbox, one.shop, one.webhook_id) for one in (seen, lost))
    assert audit(inbox).ok


def test_avnu_that_is_down_costs_the_node_service_nothing(
    tmp_path: Path, node: StubReceiver
) -> None:
    with shadowed(tmp_path, node.server_port, free_port()) as url:
        assert [post(url, f"w-{n}", b"{}") for n in range(3)] == [410] * 3
    assert node.ids() == ["w-0", "w-1", "w-2"]
