"""deploy/nginx/ is accepted by nginx, and keeps its promises before two receivers."""

import contextlib
import random
import socket
from pathlib import Path

import pytest
import urllib3

from avnu.embedded import free_port
from avnu.settings import Settings
from tests.support import nginx
from tests.support.deliveries import SECRET, Maker, Post, signed_headers
from tests.support.programs import Receiver
from tests.support.self_signed import self_signed
from tests.support.waiting import wait_until


def test_the_files_as_they_stand_are_accepted(tmp_path: Path) -> None:
    conf = nginx.render(tmp_path, [8001, 8002])
    nginx.add_metrics(conf, {})
    (tmp_path / "tls").mkdir()
    self_signed(tmp_path / "tls" / "fullchain.pem", tmp_path / "tls" / "privkey.pem")
    said = nginx.check(conf)
    assert "successful" in said
    assert "warn" not in said.replace('the "user" directive', "")


@pytest.mark.parametrize("name", ["receivers.conf", "receivers.compose.conf"])
def test_each_list_of_receivers_is_accepted(name: str, tmp_path: Path) -> None:
    conf = nginx.render(tmp_path, [8001], "listen 127.0.0.1:8443;\n")
    (tmp_path / "receivers.conf").write_text((nginx.NGINX / name).read_text())
    nginx.check(conf)


def test_deliveries_pass_while_one_receiver_is_away_and_nothing_else_does(
    settings: Settings, tmp_path: Path
) -> None:
    environ = {**settings.to_environ(), "SHOPIFY_API_SECRET": SECRET.decode()}
    one = Receiver("one", tmp_path, environ)
    two = Receiver("two", tmp_path, environ)
    maker = Maker(random.Random(1))
    with one, two:
        one.launch()
        two.launch()
        one.wait_ready()
        two.wait_ready()
        with nginx.Nginx(tmp_path / "nginx", [one.port, two.port], body_timeout_s=1) as door:
            post = Post(door.url)
            both = maker.some(20)
            assert post.send(both) == both
            one.kill_main()
            left = maker.some(20)
            assert post.send(left) == left
            # nginx writes its line when the answer is already here.
            passed_on = f"127.0.0.1:{one.port}, 127.0.0.1:{two.port} upstream_status=502, 200"
            wait_until(lambda: passed_on in door.log, 20, "the log tells of the second try")
            sent = {one.webhook_id for one in (*both, *left)}
            wait_until(lambda: all(one in door.log for one in sent), 20, "and of each delivery")
            assert "pad" not in door.log  # of the bodies

            assert urllib3.request("GET", f"{door.url}/healthz").status == 200
            for path in ("/metrics", "/readyz", "/flower/", "/"):
                assert urllib3.request("GET", door.url + path).status == 404
            large = maker.make(pad="x" * (16 * 1024 * 1024))
            assert post.post(large).status in (413, 0)  # it may close while we still send

            head = "".join(f"{k}: {v}\r\n" for k, v in signed_headers(both[0]).items())
            request = f"POST /webhooks/shopify HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n{head}"
            with socket.create_connection(("127.0.0.1", door.port)) as half_sent:
                half_sent.sendall(f"{request}\r\nhalf".encode())
                half_sent.settimeout(20)
                # As reset_timedout_connection has it.
                with contextlib.suppress(ConnectionResetError):
                    assert half_sent.recv(1) == b""
            cut = wait_until(
                lambda: [line for line in door.log.splitlines() if "status=408" in line],
                20,
                "the log tells of it",
            )
            assert len(cut) == 1
            assert "upstream=-" in cut[0]  # it never reached a receiver


def test_prometheus_reads_each_receiver_from_another_host_with_its_token(
    settings: Settings, tmp_path: Path
) -> None:
    environ = {**settings.to_environ(), "SHOPIFY_API_SECRET": SECRET.decode()}
    token = {"Authorization": "Bearer made-up-token"}
    away, first, second = free_port(), free_port(), free_port()
    with Receiver("one", tmp_path, {**environ, "METRICS_TOKEN": "made-up-token"}) as one:
        one.start()
        inside = {first: one.port, second: away}

        def ask(port: int, path: str = "/metrics", **headers: str) -> tuple[int, str]:
            url = f"http://127.0.0.1:{port}{path}"
            answer = urllib3.request("GET", url, headers=headers, retries=False)
            return answer.status, answer.data.decode()

        with nginx.Nginx(tmp_path / "open", [one.port], 5, inside, "127.0.0.0/8"):
            status, text = ask(first, **token)
            assert status == 200
            assert "avnu_redis_up" in text
            status, text = ask(first)
            assert status == 403
            assert "METRICS_TOKEN" in text, "the receiver itself refuses"
            assert ask(second, **token)[0] == 502, "this one is down, and is seen to be"
            for path in ("/readyz", "/healthz", "/webhooks/shopify"):
                assert ask(first, path, **token)[0] == 404
        with nginx.Nginx(tmp_path / "closed", [one.port], 5, inside):
            status, text = ask(first, **token)
            assert status == 403, "not from where Prometheus is"
            assert "METRICS_TOKEN" not in text
