"""Fixtures for every kind of test; what each kind may touch is in tests/README.md."""

import os
import signal
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import pytest

from avnu import embedded
from avnu.settings import ROWS, Settings
from tests.support.ports import own_port
from tests.support.require import lacking
from tests.support.servers import Server
from tests.support.side_by_side import let_in

# Before any test module takes it from there; nothing imported above has.
embedded.free_port = own_port

# Before any fixture and any test module: what a developer has set for a server of their own must
# not reach a test. Nothing imported above reads them.
for row in ROWS:
    os.environ.pop(row.name, None)
# Where it is set, each of some hundred processes would compile Avnu anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A shell that runs the tests in the background has SIGINT ignored, and so would have every child
# that a test interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples in each run, so that a change is told from chance; make soak tries others.
# No example has a time limit, as any may meet a moment in which the machine stands still.
hypothesis.settings.register_profile("same", derandomize=True, deadline=None)
hypothesis.settings.register_profile("others", derandomize=False, deadline=None, max_examples=2000)
hypothesis.settings.load_profile("same")

API_SECRET = "shpss_made_up_for_tests"

# Nothing is meant to be slow in most tests, and a busy machine may stand still for seconds: who is
# about a time limit sets a short one.
PATIENT = {
    "REDIS_CONNECT_TIMEOUT_MS": "20000",
    "REDIS_SOCKET_TIMEOUT_MS": "20000",
    "CACHE_TIMEOUT_MS": "10000",
    "WEBHOOK_INBOX_SECONDS": "20",
}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One embedded Valkey for the whole session. A test that hurts a server starts its own."""
    with Server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def flush(server: Server) -> None:
    """Every database of the session's server is empty when the test begins."""
    with server.client() as client:
        client.flushall()


@pytest.fixture
def namespace() -> str:
    """A prefix of keys that no other test has."""
    return f"t{uuid.uuid4().hex[:10]}"


@pytest.fixture
def settings(server: Server, flush: None, namespace: str) -> Settings:
    """Settings that point at the session's server, emptied, under a namespace of their own."""
    return Settings.load(
        {
            **server.environ(),
            **PATIENT,
            "AVNU_NAMESPACE": namespace,
            "SHOPIFY_API_SECRET": API_SECRET,
        }
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test in tests/integration or tests/faults has the marker of that name."""
    for item in items:
        parts = Path(item.path).parts
        for kind in ("integration", "faults"):
            if kind in parts:
                item.add_marker(kind)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Beside another process of this run, a test waits for its turn before its time counts."""
    if not hasattr(item.config, "workerinput"):
        return (yield)
    with let_in(alone=item.get_closest_marker("alone") is not None):
        return (yield)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Says last which programs were not there, as a skip among hundreds is easily missed."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:  # one of several processes; the one that started them tells
        return
    missing = lacking(report.longrepr[2] for report in reporter.stats.get("skipped", ()))
    if missing:
        named = ", ".join(f"{name} ({count} tests)" for name, count in sorted(missing.items()))
        print(f"skipped for want of a program: {named}")
