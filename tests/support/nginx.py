"""deploy/nginx/ as it stands, before receivers of a test; nginx runs in the test's folder."""

import contextlib
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import urllib3

from avnu.embedded import free_port
from tests.support.redis_conf import change
from tests.support.require import require
from tests.support.waiting import wait_until

NGINX = Path(__file__).resolve().parents[2] / "deploy" / "nginx"
# Around what is in conf.d: as little as nginx needs where it has no rights.
_AROUND = """
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
worker_processes 2;
daemon off;
events {{ worker_connections 4096; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/avnu.conf;
}}
"""


def program() -> str:
    """nginx; Debian keeps it out of the PATH of ordinary users."""
    return require("nginx", also_in="/usr/sbin")


def render(folder: Path, ports: Sequence[int], listen: str = "") -> Path:
    """A whole configuration in ``folder``; the path of its nginx.conf.

    ``ports`` are those of receivers on loopback; ``listen`` stands for listen.conf, and where it is
    empty that file is taken as it is, with the certificate it names in ``folder``/tls.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in NGINX.glob("*.conf"):
        text = path.read_text(encoding="utf-8").replace("/etc/nginx/avnu", str(folder))
        (folder / path.name).write_text(text.replace("/var/log/nginx", str(folder)))
    servers = [f"server 127.0.0.1:{port} max_fails=0;\n" for port in ports]
    (folder / "receivers.conf").write_text("".join(servers))
    if listen:
        (folder / "listen.conf").write_text(listen)
    around = folder / "nginx.conf"
    around.write_text(_AROUND.format(folder=folder))
    return around


def check(conf: Path) -> str:
    """What `nginx -t` says of it; an AssertionError where it is not content."""
    arguments = [program(), "-t", "-p", str(conf.parent), "-c", str(conf)]
    said = subprocess.run(arguments, check=False, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    return said.stderr


def add_metrics(conf: Path, listens: Mapping[int, int], allow: str = "") -> None:
    """Let a configuration of ``render`` also have metrics.conf.

    ``listens`` has the receiver of each port, in place of the two of the file; where it is empty
    the file stays as it is. ``allow`` replaces the address that may ask.
    """
    path = conf.parent / "metrics.conf"
    for n, (port, receiver) in enumerate(listens.items(), 1):
        served, listen = f"    1800{n} 127.0.0.1:800{n};", f"    listen 1800{n};"
        change(path, {served: f"    {port} 127.0.0.1:{receiver};", listen: f"    listen {port};"})
    if allow:
        change(path, {"    allow 10.0.0.0/8;": f"    allow {allow};"})
    door = f"    include {conf.parent}/avnu.conf;"
    change(conf, {door: f"{door}\n    include {path};"})


class Nginx:
    """nginx without TLS on a free port of loopback, before the receivers at ``ports``."""

    def __init__(
        self,
        folder: Path,
        ports: Sequence[int],
        body_timeout_s: int = 5,
        metrics: Mapping[int, int] | None = None,
        metrics_allow: str = "",
    ) -> None:
        self.port = free_port()
        self._conf = render(folder, ports, f"listen 127.0.0.1:{self.port};\n")
        if metrics:
            add_metrics(self._conf, metrics, metrics_allow)
        change(
            folder / "avnu.conf",
            {"    client_body_timeout 5s;": f"    client_body_timeout {body_timeout_s}s;"},
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """One line per request, in the form that deploy/nginx/avnu.conf gives it."""
        return (self._conf.parent / "access.log").read_text()

    @property
    def errors(self) -> str:
        return (self._conf.parent / "error.log").read_text()

    def __enter__(self) -> Self:
        check(self._conf)
        arguments = [program(), "-p", str(self._conf.parent), "-c", str(self._conf)]
        self._process = subprocess.Popen(arguments, stderr=subprocess.DEVNULL)
        wait_until(self._answers, 30, "nginx answers")
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.errors
        try:
            return urllib3.request("GET", f"{self.url}/", retries=False).status == 404
        except urllib3.exceptions.HTTPError:
            return False
